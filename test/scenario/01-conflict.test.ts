import { expect, test } from 'vitest';
import { gatewayConfig, startGateway } from '../support/gateway-process.ts';
import { openHouse } from '../support/house.ts';
import { serverUnderTest } from '../support/server-under-test.ts';

// Checklist 1: a second gateway for the same domain (with a database of its own) is told so, and the first goes on.
// ejabberd accepts the second one, and splits the stanzas: nobody is told.
test.skipIf(serverUnderTest() === 'ejabberd')(
  'a component domain that is already connected is named in the log, and the first one goes on',
  async () => {
    await using house = await openHouse();
    const second = await startGateway(gatewayConfig({ prosody: house.server, simulator: house.exchange }));
    try {
      const alert = await second.waitForLog((line) => 'retryIn' in line);
      expect(alert).toMatchObject({ level: 'error', condition: 'conflict' });
      expect(house.gateway.isRunning).toBe(true);
      expect(house.gateway.logs.filter((line) => 'retryIn' in line)).toEqual([]);
    } finally {
      await second.remove();
    }
  },
);
