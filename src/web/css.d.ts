/** A stylesheet is imported for its effect: the bundler takes it into the page's. */
declare module '*.css'
