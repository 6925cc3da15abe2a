// What a page of Hydrogen shows, and how somebody writes there.
export const patience = { timeout: 60_000 };

/** The parts of a page, which may not be there yet. */
export const locatorsOf = (page) => ({
  message: (text) => page().locator(".Timeline_messageBody", { hasText: text }),
  roomInList: (name) => page().locator(".RoomList .name", { hasText: name }),
  says: async (text) => {
    await page().fill(".MessageComposer_input textarea", text);
    await page().click(".MessageComposer_input .send");
  },
});
