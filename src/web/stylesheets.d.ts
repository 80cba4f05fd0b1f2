/** The bundler gathers every imported stylesheet into one file; here they have no value. */
declare module "*.css";
