// The other process of `forkRawSink`: does what its parent asks, and ends with it.

import { type RawSink, type SinkReply, type SinkRequest, startRawSink } from './raw-sink.ts';

let sink: RawSink | undefined;

async function answer(request: SinkRequest): Promise<unknown> {
  if (request.do === 'start') {
    sink = await startRawSink(request.options);
    return sink.jid;
  }
  if (!sink) throw new Error('not started');
  switch (request.do) {
    case 'take':
      return sink.take(request.count, request.limit);
    case 'write':
      return sink.write(request.text);
    case 'stop':
      return sink.stop();
  }
}

process.on('message', ({ id, request }: { id: number; request: SinkRequest }) => {
  const reply = (message: SinkReply) => process.send?.(message);
  answer(request).then(
    (value) => reply({ id, value }),
    (error: unknown) => reply({ id, error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
