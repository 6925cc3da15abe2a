using Matrix.Host.Parts;

namespace Matrix.Host.Users.Administration;

/// <summary>Bounds of the administration API. Configuration: `admin`.</summary>
public sealed record AdminOptions
{
    [Setting("admin.audit_kept", "How long entries of the audit log are kept.")]
    public TimeSpan AuditKept { get; init; } = TimeSpan.FromDays(365);

    [Setting(
        "admin.audit_entries",
        "The most entries of one administrator in the audit log; their oldest are deleted first.",
        Least = 100)]
    public int AuditEntries { get; init; } = 100_000;

    [Setting("admin.longest_login_as", "The longest that a token lasts by which an administrator acts as a user.")]
    public TimeSpan LongestLoginAs { get; init; } = TimeSpan.FromDays(1);

    [Setting(
        "admin.longest_page",
        "The most items in one response of the administration API.",
        Least = 1, Most = 100_000)]
    public int LongestPage { get; init; } = 1000;

    [Setting("admin.registration_tokens", "The most registration tokens.", Least = 1)]
    public int RegistrationTokens { get; init; } = 10_000;

    [Setting(
        "admin.sign_in_lifetime",
        "How long an administrator stays signed in on the admin page. A restart signs them out.")]
    public TimeSpan SignInLifetime { get; init; } = TimeSpan.FromHours(2);

    [Setting(
        "admin.confirmed_for",
        "How long the admin page does not ask for the password again before what cannot be undone.")]
    public TimeSpan ConfirmedFor { get; init; } = TimeSpan.FromMinutes(5);

    [Setting(
        "admin.sign_ins",
        "Browsers in which administrators are signed in at once; the oldest are signed out first.",
        Least = 1, Most = 100_000)]
    public int SignIns { get; init; } = 100;
}
