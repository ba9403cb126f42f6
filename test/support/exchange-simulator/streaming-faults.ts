// What goes wrong on a stream of events that is open already, and the ways in which a stream may be written.
// What goes wrong before (Subscribe is busy, GetStreamingEvents gets 401, …) are the faults of requests, with `operation`.
// docs: RFC 9112 §7.1 (chunks mean nothing), GetStreamingEvents operation,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/getstreamingevents-operation
//       Notification subscriptions, mailbox events, and EWS in Exchange (the Status event),
//       https://learn.microsoft.com/exchange/client-developer/exchange-web-services/notification-subscriptions-mailbox-events-and-ews-in-exchange

/** Each of them befalls the next envelope of any stream, be it events, a sign of life, or the first one. */
export type StreamFault =
  /** Half of the envelope is written, then the connection is destroyed. */
  | { readonly kind: 'stream-cut' }
  /** Nothing is written, the envelope is lost, and the connection stays open. */
  | { readonly kind: 'stream-silent' }
  /** Something else comes before the envelope. Default: the beginning of an error page */
  | { readonly kind: 'stream-garbage'; readonly text?: string }
  /** In its place the answer ends, as if all were well, but without Closed. */
  | { readonly kind: 'stream-end' }
  /** In its place comes an error (default ErrorReadEventsFailed) for the whole stream, then it ends. */
  | { readonly kind: 'stream-error'; readonly code?: string }
  /** The first byte of a stream, with the status line, comes after so many milliseconds of the simulator's clock. */
  | { readonly kind: 'stream-late'; readonly delay: number };

export type StreamStyle = {
  /** Changes that come together: an envelope for each mailbox, or one for all. */
  readonly envelopes: 'each' | 'one';
  /** A chunk for each envelope, one for all that come together, or so many bytes in each chunk. */
  readonly chunks: 'each' | 'together' | number;
  /**
   * The namespace of Notification, and of the ids among ErrorSubscriptionIds: Exchange has them in `messages`, as
   * its own client library reads them; types.xsd has them in `types`.
   */
  readonly notification: 'messages' | 'types';
  /** Signs of life: a ConnectionStatus, or a StatusEvent for each subscription, which no client must take for a change. */
  readonly heartbeats: 'connection-status' | 'status-event';
};

export const exchangeStreamStyle: StreamStyle = {
  envelopes: 'each',
  chunks: 'each',
  notification: 'messages',
  heartbeats: 'connection-status',
};

export const GARBAGE = '<html><head><title>502 Bad Gateway</title></head><body>&nbsp;<br>';
