/** The bundler gathers every imported stylesheet into one file; to TypeScript they have no value. */
declare module "*.css";
