import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** Operators that let samples through or not: an expression with one of them may well have none. */
const SELECTIVE = new Set(['Eql', 'Neq', 'Lss', 'Lte', 'Gtr', 'Gte', 'And', 'Or', 'Unless']);

/**
 * Takes an expression apart where it selects: `a > 1 and b / c < 2` are `a`, `1`, `b / c` and `2`. Where the metrics are there,
 * each part has a sample, whatever the whole says.
 *
 * @throws Error where it is not PromQL
 */
export function queryParts(expression: string): string[] {
  const tree = parser.parse(expression);
  tree.iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`not PromQL at ${node.from}: ${expression}`);
    },
  });
  const top = tree.topNode.firstChild;
  if (top === null) throw new Error('an empty expression');
  return partsOf(top).map(({ from, to }) => expression.slice(from, to).trim());
}

function partsOf(node: SyntaxNode): SyntaxNode[] {
  const children = childrenOf(node);
  if (node.name === 'ParenExpr') return children.flatMap(partsOf);
  if (node.name !== 'BinaryExpr') return [node];
  if (!children.some(({ name }) => SELECTIVE.has(name))) return [node];
  const [first, last] = [children.at(0), children.at(-1)];
  return [first, last].flatMap((side) => (side === undefined ? [] : partsOf(side)));
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}
