/** The dashboard's first module: puts the page into the document. */
import "@xterm/xterm/css/xterm.css";
import "./style/colours.css";
import "./style/base.css";
import "./style/list.css";
import "./style/detail.css";
import "./style/chart.css";
import "./style/lanes.css";
import "./style/panel.css";
import "./style/files.css";
import { render } from "preact";
import { App } from "./app.tsx";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
