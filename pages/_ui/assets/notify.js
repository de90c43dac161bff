// Tells by the browser when a training has ended, where the user asked for it: the title of the tab says it first.
(() => {
  const button = document.querySelector(".graft-notify");
  if (!button || button.dataset.ready) return;
  button.dataset.ready = "1";
  const ended = /^(✓ Finished|Stopped|Failed|Interrupted|Cancelled)/;
  const beep = () => {
    const sound = new AudioContext(), tone = sound.createOscillator(), volume = sound.createGain();
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.15, sound.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + 0.8);
    tone.connect(volume).connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + 0.8);
  };
  button.addEventListener("click", async () => {
    const allowed = "Notification" in window && (await Notification.requestPermission()) === "granted";
    button.textContent = allowed ? "The browser will tell you" : "Only by a sound: the browser allows no messages";
    button.disabled = true;
    const watch = new MutationObserver(() => {
      if (!ended.test(document.title)) return;
      watch.disconnect();
      if (allowed) new Notification("Graft", { body: document.title });
      beep();
    });
    watch.observe(document.querySelector("title"), { childList: true });
  });
})();
