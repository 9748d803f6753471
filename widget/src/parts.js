/** What the element loads only when it is used: the extras, such as the correction form, and detection mode. */

/** @typedef {import('./feedback-widget.js').SeemeFeedbackElement & { adopt(item: import('./queue.js').Item): void, settle(item: import('./queue.js').Item): void }} Host */

/**
 * What a part is given by the element.
 * @typedef {object} Kit
 * @property {Host} host
 * @property {ShadowRoot} root
 * @property {HTMLElement} body where a part puts what it shows
 * @property {HTMLButtonElement} toggle the button that opens the form
 * @property {typeof import('./dom.js').make} make
 * @property {typeof import('./dom.js').button} button
 * @property {typeof import('./dom.js').text} text
 * @property {Record<string, string>} texts to be filled by the parts and the language
 * @property {() => import('./queue.js').Lane | undefined} lane
 * @property {(name: string) => Promise<any>} load another part; undefined when it can't be had
 * @property {(action: import('./feedback-widget.js').Action) => Promise<boolean>} send
 * @property {() => void} update
 * @property {(fault: string) => void} fail says what is wrong with the tag; empty when nothing is
 */

/**
 * @typedef {object} Part
 * @property {() => void} update called when anything has changed
 * @property {() => void} reset called when another prediction is shown
 */

/**
 * @typedef {Part & {
 *   toggle(): void,
 *   correct(answer: string | number, notes?: string): Promise<boolean>,
 *   submit(): Promise<boolean>,
 *   context(): Promise<Shown | undefined>,
 * }} Extras
 */

/** @typedef {{ default(kit: Kit): any }} PartModule */

/**
 * What detection mode shows of a prediction; `failed` when it could not be had.
 * @typedef {Omit<import('./boxes/editor.js').Given, 'strings' | 'readOnly'> & { failed: boolean }} Shown
 */

/**
 * The answer of `GET /v1/widget-context`.
 * @typedef {object} Context
 * @property {string} task
 * @property {string[]} labels
 * @property {{ label?: string | null, detections?: import('./feedback-widget.js').Detection[] | null, image_size?: number[] | null, input_url?: string | null } | null} [prediction]
 * @property {{ id: string, rating: import('./feedback-widget.js').Vote } | null} [vote]
 */

export {};
