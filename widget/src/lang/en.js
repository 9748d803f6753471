/** English; written by its speakers. `{}` stands for the predicted label. */

/** @type {import('../feedback-widget.js').Strings} */
export default {
  lang: 'en',
  group: 'Feedback',
  up: 'Thumbs up',
  down: 'Thumbs down',
  correct: 'Correct it',
  label: 'Right answer',
  predicted: 'Instead of {}',
  notes: 'Note',
  send: 'Send',
  cancel: 'Cancel',
  sending: 'Sending…',
  sent: 'Thank you',
  undone: 'Taken back',
  failed: 'Could not be sent',
  retry: 'Retry',
};
