/** The public face of `<seeme-feedback>`; the sources are checked against it. */

/** A vote: up, taken back, or down. */
export type Vote = 1 | 0 | -1;

/** A box in pixels of the image: left, top, width, height. */
export type Box = [x: number, y: number, width: number, height: number];

/** What a model has found in an image. */
export interface Detection {
  label: string;
  confidence?: number;
  box: Box;
}

/** What somebody says of a prediction. */
export interface Action {
  feedback_type:
    | 'rating' | 'correction' | 'comment'
    | 'correct' | 'wrong_label' | 'wrong_box' | 'false_positive' | 'missed_object';
  rating?: Vote;
  correct_label?: string;
  correct_value?: number;
  detection_index?: number;
  box?: Box;
  notes?: string;
}

/** What the element sends: the body of `POST /v1/feedback`. */
export interface Feedback extends Action {
  id: string;
  model_id: string;
  prediction_id: string;
  subject?: string;
  prediction_token?: string;
  supersedes?: string;
}

/** The service's answer to stored feedback. */
export interface Accepted {
  id: string;
  model_id: string;
  status: 'created' | 'unchanged' | 'orphan' | 'quarantined';
}

/** Every text the element shows or says. */
export interface Strings {
  /** The language of these texts, for screen readers. */
  lang: string;
  /** `rtl`, or empty where the page decides. */
  dir: string;
  group: string;
  up: string;
  down: string;
  correct: string;
  label: string;
  predicted: string;
  notes: string;
  missing: string;
  send: string;
  cancel: string;
  sending: string;
  success: string;
  undone: string;
  queued: string;
  error: string;
  retry: string;
  /** Those of detection mode. */
  [name: string]: string;
}

/** Attributes that are mirrored by a text property; an absent attribute is an empty text. */
export interface TextProperties {
  modelId: string;
  predictionId: string;
  apiKey: string;
  endpoint: string;
  mode: string;
  predictedLabel: string;
  subject: string;
  theme: string;
  name: string;
  imageSrc: string;
  predictionToken: string;
}

/** The properties that mirror attributes. */
export interface Mirrored extends TextProperties {
  disabled: boolean;
  readOnly: boolean;
  noQueue: boolean;
  /** The labels to choose from; setting also takes the attribute's text. Empty: free text with the model's labels as suggestions. */
  get labels(): string[];
  set labels(labels: readonly string[] | string | null);
  /** The detections to judge; setting also takes JSON. */
  get boxes(): Detection[];
  set boxes(boxes: readonly Detection[] | string | null);
}

export interface SeemeFeedbackElement extends HTMLElement, Mirrored {
  /** The shown vote. Setting it shows a vote that is known already and sends nothing; `rate()` sends. */
  rating: Vote;
  /** The shown vote as a form value: '1', '-1' or ''. */
  value: string;
  /** How many actions the service has not confirmed: on their way, waiting for their turn, or failed. */
  readonly pending: number;
  /** Texts to use instead of the built-in ones. */
  get strings(): Strings;
  set strings(strings: Partial<Strings>);
  readonly form: HTMLFormElement | null;

  /** Send a vote, 0 takes it back; true when it is stored. */
  rate(vote: Vote): Promise<boolean>;
  /** Send what the answer should have been: a label, or a number for a regression; '' sends the note alone, as a comment. */
  correct(answer: string | number, notes?: string): Promise<boolean>;
  /** Send the correction form as it is filled in; it shows its own message when it is incomplete. */
  submit(): Promise<boolean>;
  /** Forget votes, errors and texts on the page; nothing is sent. */
  reset(): void;
  /** Try again now what could not be sent; true when nothing waits any more. */
  flush(): Promise<boolean>;
}

export interface SeemeFeedbackEventMap {
  /** Before anything is sent; `preventDefault()` stops it. */
  'seeme-submit': CustomEvent<{ feedback: Feedback }>;
  /** The service has stored it. */
  'seeme-success': CustomEvent<{ feedback: Feedback; status: number; response: Accepted }>;
  /** It could not be sent yet, and will be; `kept` says whether it outlives the page. */
  'seeme-queued': CustomEvent<{ feedback: Feedback; status: number; detail?: string; kept: boolean }>;
  /** It was not stored; `status` 0 means that the service could not be reached. */
  'seeme-error': CustomEvent<{
    feedback: Feedback;
    status: number;
    detail?: string;
    errors?: { path: string; message: string }[];
  }>;
  /** The person changed the vote. */
  'seeme-change': CustomEvent<Feedback & { rating: Vote }>;
}

export const SeemeFeedback: { new (): SeemeFeedbackElement; readonly formAssociated: true };

declare global {
  interface HTMLElementTagNameMap {
    'seeme-feedback': SeemeFeedbackElement;
  }
  interface HTMLElementEventMap extends SeemeFeedbackEventMap {}
}
