// What the server keeps: every change is sent at once and counts as saved when it is on the server's disk.

class Server {
  constructor(base) { this.base = base; this.ready = new Map(); }

  async ask(path, body) {
    const answer = await fetch(`${this.base}/${path}`, body === undefined ? {} : {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok && answer.status !== 409) throw Object.assign(new Error(told.error || "refused"), { refused: true });
    return { ...told, conflict: answer.status === 409 };
  }

  pictures() { return this.ask("pictures"); }

  address(id) { return `${this.base}/picture/${id}`; }

  label(id) {
    const waiting = this.ready.get(id);
    this.ready.delete(id);
    return waiting || this.ask(`label/${id}`);
  }

  // The pictures that come next are fetched while this one is looked at; labels are asked for anew, they may change.
  warm(ids) { ids.forEach((id) => { new Image().src = this.address(id); }); }
}
