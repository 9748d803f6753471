/** Style sheets are built in as texts; the build also puts in what the sources can't know. */
declare module '*.css' {
  const text: string;
  export default text;
}
declare const LANGUAGES: string[];
declare const VERSION: string;
