// Runs after all suites: every endpoint of this list must have answered 200 at least once, as its schema says.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { operationById, present, whereItShouldBe } from "./support/spec.mjs";

const expected = `
  getVersions getWellknown getCapabilities getLoginFlows login register checkUsernameAvailability
  registrationTokenValidity refresh logout logout_all getTokenOwner changePassword deactivateAccount getDevices
  getDevice updateDevice deleteDevice deleteDevices defineFilter getFilter sync createRoom joinRoomById joinRoom
  inviteUser leaveRoom forgetRoom kick ban unban sendMessage setRoomStateWithKey getRoomStateWithKey getRoomState
  redactEvent getOneRoomEvent getEventContext getRoomEvents getMembersByRoom getJoinedMembersByRoom getJoinedRooms
  getRelatingEvents getRelatingEventsWithRelType getRelatingEventsWithRelTypeAndEventType getThreadRoots setReadMarker
  postReceipt setTyping getUserProfile getProfileField setProfileField deleteProfileField setRoomAlias
  getRoomIdByAlias deleteRoomAlias getLocalAliases setAccountData getAccountData setAccountDataPerRoom
  getAccountDataPerRoom getRoomTags setRoomTag deleteRoomTag getPushRules getPushRulesGlobal getPushRule
  deletePushRule setPushRule isPushRuleEnabled setPushRuleEnabled getPushRuleActions setPushRuleActions uploadKeys
  queryKeys claimKeys getKeysChanges uploadCrossSigningKeys uploadCrossSigningSignatures sendToDevice
  uploadContent uploadContentToMXC createContent getContentAuthed getContentOverrideNameAuthed getConfigAuthed getConfig
  getUrlPreviewAuthed getUrlPreview
`.trim().split(/\s+/);

test("every response was validated against its schema",
  { skip: present || process.env.CI ? false : `no specification at ${whereItShouldBe}` }, () => {
  assert.ok(present, `No specification at ${whereItShouldBe}: a schema check that is skipped counts as failed.`);
  for (const id of expected) operationById(id);
  const file = process.env.E2E_COVERAGE;
  const shown = new Set(file && existsSync(file) ? readFileSync(file, "utf8").split("\n") : []);
  assert.deepEqual(expected.filter((id) => !shown.has(id)), [], "these endpoints never answered 200 in any suite");
});
