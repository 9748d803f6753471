import '@seeme/feedback/react';
import { useState } from 'react';

export function Answer({ id, label }: { id: string; label: string }) {
  const [outcome, setOutcome] = useState('');
  return (
    <article>
      <h2>{label}</h2>
      <seeme-feedback
        endpoint="https://feedback.example.com"
        model-id="animals"
        prediction-id={id}
        api-key="pk_..."
        predicted-label={label}
        labels={['cat', 'dog', 'fox, red']}
        strings={{ up: 'Right', down: 'Wrong' }}
        onseeme-change={({ detail }) => setOutcome(`voted ${detail.rating}`)}
        onseeme-success={({ detail }) => setOutcome(`stored as ${detail.response.status}`)}
        onseeme-error={({ detail }) => setOutcome(detail.detail ?? 'not sent')}
      />
      <p>{outcome}</p>
    </article>
  );
}
