/** The bundler gathers imported stylesheets into one file; to TypeScript they have no value. */
declare module "*.css";
