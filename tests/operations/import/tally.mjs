// Counts what holds and what does not.
export class Tally {
    #passed = 0;
    #failed = 0;

    constructor(write = console.log) {
        this.write = write;
    }

    /** Counts a check, which returns true if it holds, or else what it saw. */
    async holds(what, check) {
        let seen;
        try {
            seen = await check();
        } catch (error) {
            seen = error.message;
        }

        if (seen === true) this.#passed++;
        else {
            this.#failed++;
            this.write(`failed: ${what}: ${JSON.stringify(seen)}`);
        }
    }

    /** Writes the counts; returns the code with which the process exits. */
    ends() {
        this.write(`${this.#passed} passed, ${this.#failed} failed`);
        return this.#failed === 0 && this.#passed > 0 ? 0 : 1;
    }
}

/** True if both are the same, or else what was seen. */
export const same = (seen, expected) => JSON.stringify(seen) === JSON.stringify(expected) || (seen ?? 'nothing');
