import { createHash } from 'node:crypto';

/** A picture for a pretend project, as SVG: a sun over hills, the same for the same id. */
export function pictureOf(id: string): string {
  const [tint = 0, sunX = 0, sunY = 0, height = 0] = createHash('sha256').update(id).digest();
  const hue = Math.round((tint / 255) * 360);
  const hill = (y: number, lightness: number) =>
    `<path fill="hsl(${(hue + 40) % 360} 35% ${lightness}%)" d="M0 ${y}q80-${30 + height / 6} 160 0t160 0t160 0V320H0Z"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 320" width="480" height="320">
<defs><linearGradient id="sky" x2="0" y2="1"><stop stop-color="hsl(${hue} 60% 35%)"/><stop offset="1" stop-color="hsl(${(hue + 50) % 360} 85% 78%)"/></linearGradient></defs>
<rect width="480" height="320" fill="url(#sky)"/>
<circle cx="${100 + sunX}" cy="${70 + sunY / 4}" r="38" fill="hsl(${(hue + 60) % 360} 95% 88%)"/>
${hill(210, 42)}
${hill(250, 30)}
${hill(285, 18)}
</svg>
`;
}
