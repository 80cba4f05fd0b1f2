/** How the page of the API looks: the dashboard's colours, one column that a phone can read. */
export const DOCS_STYLE = `
:root{color-scheme:light dark;--ground:#f4f5f4;--surface:#fdfdfc;--line:#dcdfdd;--text:#22272e;
--quiet:#5c6570;--accent:#0f6e6e;--get:#1d5fad;--post:#1b6e3c;--delete:#b3261e}
@media (prefers-color-scheme:dark){:root{--ground:#101418;--surface:#171c21;--line:#2b3239;
--text:#d7dde3;--quiet:#95a0ab;--accent:#5cc4c4;--get:#7fb2ee;--post:#6cc58d;--delete:#f0857d}}
*{box-sizing:border-box}
body{margin:0;color:var(--text);background:var(--ground);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
display:grid;grid-template-columns:20rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:1.25rem 1rem;font-size:13px;
border-right:1px solid var(--line);background:var(--surface)}
nav ul{list-style:none;margin:0;padding:0}
nav>ul>li{margin-bottom:.75rem;font-weight:600}
nav li li{font-weight:400;padding-left:.5rem}
nav a{color:inherit;text-decoration:none;overflow-wrap:anywhere;display:block;padding:.1rem 0}
nav a:hover{text-decoration:underline}
nav b{color:var(--quiet);font:600 11px ui-monospace,monospace}
main{padding:1.5rem 2rem 4rem;max-width:64rem}
h1{font-size:1.6rem;margin:0 0 .5rem}
h1 small{font-weight:400;color:var(--quiet);font-size:1rem}
h2{margin:2.5rem 0 .75rem;font-size:1.25rem}
h3{margin:0 0 .35rem;font-size:1rem;overflow-wrap:anywhere}
h4{margin:.75rem 0 .25rem;font-size:.9rem}
p{margin:0 0 .5rem;max-width:46rem}
a{color:var(--accent)}
a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
article{background:var(--surface);border:1px solid var(--line);border-radius:8px;
padding:.9rem 1.1rem;margin-bottom:.9rem;scroll-margin-top:1rem;overflow-x:auto}
article:target{border-color:var(--accent)}
code,pre{font:13px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--surface);border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem;
overflow-x:auto}
h3 b{font:700 12px ui-monospace,monospace;color:var(--quiet);margin-right:.25rem}
.get{color:var(--get)}.post{color:var(--post)}.delete{color:var(--delete)}
.tag{font-size:12px;font-weight:400;color:var(--quiet);border:1px solid var(--line);
border-radius:9px;padding:0 .5rem}
table{border-collapse:collapse;width:100%;margin:.25rem 0}
td{border-top:1px solid var(--line);padding:.3rem .75rem .3rem 0;vertical-align:top;
overflow-wrap:anywhere}
td:first-child{width:32%}td:nth-child(2){width:26%}
td i{color:var(--quiet);font-style:normal;margin-left:.15rem}
td:last-child{color:var(--quiet)}
.answers{list-style:none;margin:.5rem 0 0;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1.5rem}
@media (max-width:52rem){body{display:block}nav{position:static;height:auto;max-height:40vh;
border-right:0;border-bottom:1px solid var(--line)}main{padding:1rem}
tr{display:grid;grid-template-columns:1fr;border-top:1px solid var(--line);padding:.3rem 0}
td,td:first-child,td:nth-child(2){border:0;padding:0;width:auto}}
`;
