"""Somebody without a script who brings a file in, page by page."""

from __future__ import annotations

import io
from html.parser import HTMLParser

from app.core import worker

ACCOUNTS = "/c/one/contacts/accounts"


class Forms(HTMLParser):
    """The forms of a page: action -> what a browser would send from it; buttons aside."""

    def __init__(self, text):
        super().__init__()
        self.forms, self._form, self._select, self._area = {}, None, None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self._form = self.forms.setdefault(a["action"], {})
        if self._form is None:
            return
        if tag == "input" and a.get("name") and (a.get("type") not in ("radio", "checkbox", "file") or "checked" in a):
            self._form[a["name"]] = a.get("value", "")
        elif tag == "select":
            self._select = a["name"]
        elif tag == "option" and self._select and ("selected" in a or self._select not in self._form):
            self._form[self._select] = a.get("value", "")
        elif tag == "textarea":
            self._area = a["name"]
            self._form[self._area] = ""

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, text):
        if self._area and self._form is not None:
            self._form[self._area] += text


class Import:
    """One file on its way in, as somebody without a script brings it."""

    def __init__(self, app, client, text, address=ACCOUNTS, name="file.csv"):
        self.app, self.client = app, client
        data = text if isinstance(text, bytes) else text.encode()
        self.uploaded = client.post(f"{address}/import", data={"file": (io.BytesIO(data), name)})
        self.page = self.uploaded.location

    @property
    def text(self):
        return self.client.get(self.page).text

    def post(self, step, **changes):
        """Send the form of a step as the page shows it, with changes; None leaves a field out."""
        asked = "?step=columns" if step == "mapping" else ""
        form = Forms(self.client.get(f"{self.page}{asked}").text).forms.get(f"{self.page}/{step}", {})
        data = {k: v for k, v in {**form, **changes}.items() if v is not None}
        return self.client.post(f"{self.page}/{step}", data=data)

    def work(self):
        worker.run_pending(self.app)
        return self.text

    def check(self, **changes):
        answer = self.post("mapping", do="check", **changes)
        assert (answer.status_code, answer.location) == (303, self.page), answer.text
        return self.work()

    def publish(self):
        assert self.post("publish").status_code == 303
        return self.work()
