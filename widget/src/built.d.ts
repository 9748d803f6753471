/** The parts are files beside the built module. */
declare module '*/feedback-extras.js' {
  const create: (kit: any) => any;
  export default create;
}
declare module '*/feedback-detection.js' {
  const create: (kit: any) => any;
  export default create;
}
