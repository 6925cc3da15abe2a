namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of the administration API.</summary>
    private static ConfigKey[] AdminKeys() =>
    [
        Key(
            "admin.audit_kept", ConfigTypes.Duration, c => c.Admin.AuditKept,
            "How long entries of the audit log are kept."),
        Key(
            "admin.audit_entries", ConfigTypes.Whole(100), c => c.Admin.AuditEntries,
            "The most entries of one administrator in the audit log; their oldest are deleted first."),
        Key(
            "admin.longest_login_as", ConfigTypes.Duration, c => c.Admin.LongestLoginAs,
            "The longest that a token lasts by which an administrator acts as a user."),
        Key(
            "admin.longest_page", ConfigTypes.Whole(1, 100_000), c => c.Admin.LongestPage,
            "The most items in one response of the administration API."),
        Key(
            "admin.registration_tokens", ConfigTypes.Whole(1), c => c.Admin.RegistrationTokens,
            "The most registration tokens."),
        Key(
            "admin.sign_in_lifetime", ConfigTypes.Duration, c => c.Admin.SignInLifetime,
            "How long an administrator stays signed in on the admin page. A restart signs them out."),
        Key(
            "admin.confirmed_for", ConfigTypes.Duration, c => c.Admin.ConfirmedFor,
            "How long the admin page does not ask for the password again before what cannot be undone."),
        Key(
            "admin.sign_ins", ConfigTypes.Whole(1, 100_000), c => c.Admin.SignIns,
            "Browsers in which administrators are signed in at once; the oldest are signed out first."),
        Key(
            "admin.scanned_events", ConfigTypes.Whole(100), c => c.Rooms.MaxScannedEvents,
            "The most events of a room in which media is looked for, the newest first."),
        Key(
            "admin.listed_rooms", ConfigTypes.Whole(100), c => c.Rooms.MaxListedRooms,
            "The most rooms in the list of rooms, which is made in memory; beyond it, the newest are listed."),
    ];
}
