/** The public face of `<seeme-feedback>`; the sources are checked against it. */

/** A vote: up, taken back, or down. */
export type Vote = 1 | 0 | -1;

/** What the element sends: the body of `POST /v1/feedback`. */
export interface Feedback {
  id: string;
  model_id: string;
  prediction_id: string;
  feedback_type: 'rating' | 'correction';
  rating?: Vote;
  correct_label?: string;
  correct_value?: number;
  notes?: string;
  subject?: string;
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
  group: string;
  up: string;
  down: string;
  correct: string;
  label: string;
  predicted: string;
  notes: string;
  send: string;
  cancel: string;
  sending: string;
  sent: string;
  undone: string;
  failed: string;
  retry: string;
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
}

export interface SeemeFeedbackElement extends HTMLElement, TextProperties {
  disabled: boolean;
  readOnly: boolean;
  /** The labels to choose from; setting also takes the attribute's text. Empty: free text with the model's labels as suggestions. */
  get labels(): string[];
  set labels(labels: readonly string[] | string | null);
  /** The shown vote. Setting it shows a vote that is known already and sends nothing; `rate()` sends. */
  rating: Vote;
  /** The shown vote as a form value: '1', '-1' or ''. */
  value: string;
  /** How many actions the service has not confirmed: on their way, or failed. */
  readonly pending: number;
  /** Texts to use instead of the built-in ones. */
  get strings(): Strings;
  set strings(strings: Partial<Strings>);
  readonly form: HTMLFormElement | null;

  /** Send a vote, 0 takes it back; true when it is stored. */
  rate(vote: Vote): Promise<boolean>;
  /** Send what the answer should have been: a label, or a number for a regression. */
  correct(answer: string | number, notes?: string): Promise<boolean>;
  /** Send the correction form as it is filled in; it shows its own message when it is incomplete. */
  submit(): Promise<boolean>;
  /** Forget votes, errors and texts on the page; nothing is sent. */
  reset(): void;
}

export interface SeemeFeedbackEventMap {
  /** Before anything is sent; `preventDefault()` stops it. */
  'seeme-submit': CustomEvent<{ feedback: Feedback }>;
  /** The service has stored it. */
  'seeme-success': CustomEvent<{ feedback: Feedback; status: number; response: Accepted }>;
  /** It was not stored; `status` 0 means that the service could not be reached. */
  'seeme-error': CustomEvent<{
    feedback: Feedback;
    status: number;
    detail: string;
    errors?: { path: string; message: string }[];
  }>;
  /** The person changed the vote. */
  'seeme-change': CustomEvent<{ rating: Vote }>;
}

export const SeemeFeedback: { new (): SeemeFeedbackElement; readonly formAssociated: true };

declare global {
  interface HTMLElementTagNameMap {
    'seeme-feedback': SeemeFeedbackElement;
  }
  interface HTMLElementEventMap extends SeemeFeedbackEventMap {}
}
