// What is typed on a phone: digits, or letters by so many taps of a key. `#` goes from one to the other.

const LETTERS = { 1: ".,?!'-", 2: "abc", 3: "def", 4: "ghi", 5: "jkl", 6: "mno", 7: "pqrs", 8: "tuv", 9: "wxyz", 0: " " };
const MODES = ["123", "Abc", "abc"];
const TAP_MS = 900;
const LONGEST = 160;

export class Entry {
  constructor() { this.clear(); }

  clear(mode = "123") { this.text = ""; this.mode = mode; this.tap = null; }

  // One character, as it is.
  append(character) { this.tap = null; if (this.text.length < LONGEST) this.text += character; }

  rub() { this.tap = null; this.text = this.text.slice(0, -1); }

  // A key of the keypad, as the mode has it.
  press(key) {
    if (key === "#") { this.mode = MODES[(MODES.indexOf(this.mode) + 1) % MODES.length]; this.tap = null; }
    else if (this.mode !== "123" && LETTERS[key]) this.letter(key);
    else this.append(key);
  }

  letter(key) {
    const now = Date.now();
    const letters = LETTERS[key] + key;
    const again = this.tap && this.tap.key === key && now - this.tap.at < TAP_MS;
    const upper = again ? this.tap.upper : this.mode === "Abc" && (this.text === "" || this.text.endsWith(" "));
    const turn = again ? (this.tap.turn + 1) % letters.length : 0;
    if (again) this.rub(); else if (this.text.length >= LONGEST) return;
    this.text += upper ? letters[turn].toUpperCase() : letters[turn];
    this.tap = { key, at: now, turn, upper };
  }
}
