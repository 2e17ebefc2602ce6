"""A notifier that remembers what it was told."""

from generation.notifier import Notifier, Receipt


class FakeNotifier(Notifier):
    """Remembers what it was told; `script` holds what the next deliveries raise."""

    def __init__(self):
        self.events = []
        self.deliveries = []
        self.contents = {}
        self.script = []
        self.withdrawn = []

    def notify(self, event):
        self.events.append(event)

    async def deliver(self, generation, contents):
        if self.script:
            raise self.script.pop(0)
        self.deliveries.append(generation)
        self.contents[generation.id] = contents
        return Receipt(f"https://example.invalid/{generation.id}")

    async def withdraw(self, generation):
        self.withdrawn.append(generation)

    def told(self, generation_id):
        return [one for one in self.deliveries if one.id == generation_id]

    def states(self, generation_id):
        return [type(e).__name__ for e in self.events if e.generation.id == generation_id]
