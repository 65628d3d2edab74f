import { of, type Row } from '../panel.ts';

export const secrets: Row = {
  title: 'Certificates and secrets',
  panels: [
    {
      title: 'Certificates: time left',
      shows: 'How long the certificates that others show us are still valid, where they are known, by peer.',
      normal: 'More than 7 days.',
      otherwise: 'Tell whoever runs that peer; when it ends, connections to it fail.',
      alerts: ['CertificateExpiresSoon'],
      unit: 'd',
      width: 8,
      queries: [
        {
          expr: `max by (peer) (${of('tls_certificate_expiry_timestamp_seconds')} - time()) / 86400`,
          legend: '{{peer}}',
        },
      ],
      thresholds: ['red', [7, 'green']],
    },
    {
      title: 'Secret files',
      shows: 'Whether each file with a secret could be read when it was last looked at.',
      normal: 'Usable.',
      otherwise:
        'The last good content stays in use until a restart, which would fail. Mend the file or its mount.',
      alerts: ['SecretFileUnusable'],
      unit: 'none',
      width: 8,
      max: 1,
      words: { 0: 'unusable', 1: 'usable' },
      queries: [{ expr: `min by (file) (${of('secret_file_usable')})`, legend: '{{file}}' }],
    },
    {
      title: "Rejections of the company's key",
      shows: "How often Magic Hour refused the company's key within an hour, by replica.",
      normal: '0; a few while a key is rotated.',
      otherwise: 'Going on: the key is wrong or was withdrawn; what is not cached is answered with 502.',
      alerts: ['UpstreamKeyRejected'],
      unit: 'none',
      width: 8,
      queries: [{ expr: `increase(${of('upstream_key_rejections_total')}[1h])`, legend: '{{instance}}' }],
    },
  ],
};
