/** Calm, narrow enough for a phone, light or dark as the browser is. Colours only repeat what words say. */
export const PAGE_STYLE = `:root {
  color-scheme: light dark;
  --ground: #f6f7f8;
  --card: #ffffff;
  --text: #1c2126;
  --quiet: #57606a;
  --line: #dfe3e7;
  --link: #0b5cad;
  --good: #1a7037;
  --warn: #8a5300;
  --bad: #b42318;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a;
    --card: #1c2024;
    --text: #e4e7ea;
    --quiet: #a0a8b0;
    --line: #32383e;
    --link: #79b8ff;
    --good: #6cc98a;
    --warn: #e5b25d;
    --bad: #ff8f85;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto;
  max-width: 68rem;
  padding: 1.5rem 1rem 2rem;
  background: var(--ground);
  color: var(--text);
  font: 0.9375rem/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
header { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; align-items: baseline; }
header p { margin: 0; }
header p, .facts td { overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.3; }
.state { font-weight: 600; }
.state::before {
  content: "";
  display: inline-block;
  width: 0.65em;
  height: 0.65em;
  margin-right: 0.45em;
  border-radius: 50%;
  background: currentcolor;
}
.ready, .good { color: var(--good); }
.degraded, .warn { color: var(--warn); }
.unready, .bad { color: var(--bad); }
.build, .as-of, #live, small { color: var(--quiet); font-size: 0.8125rem; }
.as-of { text-align: right; }
#live { margin: 0.25rem 0 1rem; min-height: 1.5em; }
.silent #live { color: var(--bad); font-size: 0.9375rem; font-weight: 600; }
.silent header .state::before { background: var(--quiet); }
.silent main { filter: grayscale(1); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: 1rem; margin-bottom: 1rem; }
section {
  margin-bottom: 1rem;
  padding: 0.9rem 1.1rem 0.6rem;
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  overflow-x: auto;
}
.cards section { margin-bottom: 0; }
h2 { margin: 0 0 0.4rem; font-size: 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.3rem 0.75rem 0.3rem 0; text-align: left; vertical-align: baseline; border-top: 1px solid var(--line); }
th { font-weight: 400; color: var(--quiet); }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-top: 0; font-size: 0.8125rem; }
tbody:first-child tr:first-child > * { border-top: 0; }
.facts th { width: 1%; white-space: nowrap; padding-right: 1.25rem; }
.facts small { display: block; }
.facts small:empty { display: none; }
.traffic thead th:not(:first-child), .traffic td { width: 19%; text-align: right; }
.traffic td { white-space: nowrap; }
.traffic tbody th, .traffic td { padding-top: 0.2rem; padding-bottom: 0.2rem; }
.traffic .none { color: var(--quiet); }
.traffic .group th { padding-top: 0.9rem; color: var(--text); font-weight: 600; font-size: 0.8125rem; }
.group + tr > * { border-top: 0; }
.traffic thead + tbody .group th { padding-top: 0.5rem; border-top: 1px solid var(--line); }
nav { display: flex; gap: 1.25rem; padding: 0 0.1rem; }
a { color: var(--link); }
a:focus-visible { outline: 2px solid currentcolor; outline-offset: 3px; border-radius: 2px; }
@media (min-width: 58rem) {
  .cards { grid-template-columns: 1.35fr 1.25fr 0.9fr; }
}
@media (max-width: 42rem) {
  header { grid-template-columns: 1fr; }
  .as-of { text-align: left; }
  body { padding: 1rem 0.6rem; }
  section { padding: 0.75rem 0.7rem 0.4rem; }
  th, td { padding-right: 0.4rem; }
  .traffic { font-size: 0.8125rem; }
  .traffic thead th { font-size: 0.75rem; }
  .traffic thead th:not(:first-child), .traffic td { width: 1%; }
}
`;
