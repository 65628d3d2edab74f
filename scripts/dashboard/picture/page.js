/* global uPlot, document, window */
// Runs in the browser, behind uPlot's own script. All decisions are made before, in plot.ts; here it is only drawn.

const GRID = { stroke: 'rgba(204, 204, 220, 0.08)', width: 1 };
const TEXT = { stroke: '#9a9aa8', font: '11px Helvetica, Arial, sans-serif' };

window.drawPlot = ({ elementId, data, lines, stacked, axis, startSeconds, endSeconds, marks, bare }) => {
  const element = document.getElementById(elementId);
  const at = axis.ticks.map(([value]) => value);
  const labels = axis.ticks.map(([, label]) => label);
  const widest = Math.max(...labels.map((label) => label.length));
  const series = lines.map(({ color, dashed }) => ({
    stroke: color,
    width: 1.25,
    points: { show: false },
    ...(dashed ? { dash: [6, 4] } : { fill: `${color}${stacked ? '73' : '12'}` }),
  }));
  // Each of a stack is filled down to the one below it.
  const bands = stacked ? lines.slice(1).map((_, n) => ({ series: [n + 2, n + 1] })) : [];
  return new uPlot(
    {
      width: element.clientWidth,
      height: element.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      padding: bare ? [4, 0, 0, 0] : [6, 26, 0, 0],
      scales: { x: { range: [startSeconds, endSeconds] }, y: { range: [axis.min, axis.max] } },
      axes: [
        {
          ...TEXT,
          show: !bare,
          grid: GRID,
          ticks: { show: false },
          size: 22,
          space: 50,
          values: (_, seconds) => seconds.map(clock),
        },
        {
          ...TEXT,
          show: !bare,
          grid: GRID,
          ticks: { show: false },
          size: Math.max(36, 14 + 6.2 * widest),
          splits: () => at,
          values: () => labels,
        },
      ],
      series: [{}, ...series],
      bands,
      hooks: { draw: [(plot) => drawMarks(plot, marks)] },
    },
    data,
    element,
  );
};

function drawMarks({ ctx, bbox, valToPos }, marks) {
  ctx.save();
  ctx.strokeStyle = '#FF9830';
  ctx.setLineDash([3, 3]);
  for (const mark of marks) {
    const x = Math.round(valToPos(mark, 'x', true)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function clock(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}
