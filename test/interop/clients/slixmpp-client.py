"""A Jabber client on slixmpp (Debian: python3-slixmpp) that says what it hears, for slixmpp-client.ts.

    /usr/bin/python3 slixmpp-client.py HOST PORT JID     (the password: $PASSWORD)

Each line of standard output is a JSON object with `event`. Each line of standard input is a JSON list: a command and
what it is about. It logs out and ends when standard input ends.
"""

import asyncio
import json
import os
import sys

import slixmpp

LIMIT = 10


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password):
        # Private servers on loopback: no TLS.
        super().__init__(jid, password, plugin_config={"feature_mechanisms": {"unencrypted_plain": True}})
        for plugin in ("xep_0012", "xep_0030", "xep_0054", "xep_0092", "xep_0115", "xep_0199"):
            self.register_plugin(plugin)
        # Whether to let others see us, and to watch them in return, is the person's decision.
        self.roster.auto_authorize = None
        self.roster.auto_subscribe = False
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("disconnected", lambda _: asyncio.get_event_loop().stop())
        self.add_event_handler("failed_auth", lambda _: say("refused"))
        for name in ("available", "chat", "away", "xa", "dnd", "unavailable", "subscribed", "unsubscribed", "error"):
            self.add_event_handler("presence_" + name, self.heard)
        self.add_event_handler("message", lambda stanza: say("message", jid=stanza["from"].full, body=stanza["body"]))

    async def started(self, _):
        await self.get_roster(timeout=LIMIT)
        self.send_presence()
        say("online", jid=self.boundjid.full)

    def heard(self, stanza):
        if stanza["from"].bare == self.boundjid.bare:
            return
        # `type` is slixmpp's reading: available, away, dnd, ... for a presence without a type.
        say("presence", jid=stanza["from"].full, type=stanza["type"], status=stanza["status"])

    async def obey(self, command, jid):
        if command == "subscribe":
            self.send_presence_subscription(pto=jid, ptype="subscribe")
        elif command == "remove":
            await self.del_roster_item(jid)
        elif command == "roster":
            item = self.client_roster[jid]
            say("roster", jid=jid, subscription=item["subscription"], resources=sorted(item.resources))
        elif command == "ping":
            say("ping", jid=jid, seconds=await self["xep_0199"].ping(jid, timeout=LIMIT))
        elif command == "version":
            reply = await self["xep_0092"].get_version(jid, timeout=LIMIT)
            say("version", jid=jid, name=reply["software_version"]["name"])
        elif command == "disco":
            info = (await self["xep_0030"].get_info(jid, timeout=LIMIT))["disco_info"]
            identities = sorted("/".join(each[:2]) for each in info["identities"])
            say("disco", jid=jid, identities=identities, features=sorted(info["features"]))
        elif command == "caps":
            # There is one when slixmpp has asked what the hash stands for, and found it to be so (XEP-0115 section 5.4).
            while not (ver := await self["xep_0115"].get_verstring(jid)):
                await asyncio.sleep(0.05)
            say("caps", jid=jid, ver=ver)
        elif command == "vcard":
            vcard = (await self["xep_0054"].get_vcard(jid, timeout=LIMIT))["vcard_temp"]
            say("vcard", jid=jid, name=vcard["FN"])
        elif command == "uptime":
            reply = await self["xep_0012"].get_last_activity(jid, timeout=LIMIT)
            say("uptime", jid=jid, seconds=reply["last_activity"]["seconds"])
        elif command == "message":
            self.send_message(mto=jid, mbody="Are you there?", mtype="chat")
        else:
            say("unknown", command=command)

    async def listen(self):
        reader = asyncio.StreamReader()
        await asyncio.get_event_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command, jid = json.loads(line)
            try:
                await self.obey(command, jid)
            except slixmpp.exceptions.IqError as error:
                say("failed", command=command, jid=jid, condition=error.condition)
            except slixmpp.exceptions.IqTimeout:
                say("failed", command=command, jid=jid, condition="timeout")
        # Sends unavailable and closes the stream (RFC 6121 section 4.5).
        self.send_presence(ptype="unavailable")
        await self.disconnect(wait=2)


host, port, jid = sys.argv[1:]
client = Client(jid, os.environ["PASSWORD"])
client.connect((host, int(port)), disable_starttls=True)
# asyncio keeps weak references only: without this one the task was collected as garbage.
listening = client.loop.create_task(client.listen())
client.loop.run_forever()
