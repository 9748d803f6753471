/** Counts violations of the policy into the page, and styles it without a style sheet of its own, which it forbids. */

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :root { color-scheme: light dark; font: 1rem/1.55 system-ui, sans-serif; }
  body { max-inline-size: 60rem; margin: 0 auto; padding: clamp(0.75rem, 4vw, 3rem); }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
`);
document.adoptedStyleSheets = [sheet];

let violations = 0;
document.addEventListener('securitypolicyviolation', (event) => {
  violations += 1;
  console.error(event.violatedDirective, event.blockedURI, event.sourceFile);
  document.querySelector('#violations').textContent = violations;
});

addEventListener('DOMContentLoaded', async () => {
  const { headers } = await fetch(location.href);
  document.querySelector('#policy').textContent = headers.get('content-security-policy');
});
