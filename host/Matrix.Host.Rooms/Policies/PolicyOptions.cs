using Matrix.Host.Parts;

namespace Matrix.Host.Rooms.Policies;

/// <summary>The policy lists that the server follows. Configuration: `policy_lists`.</summary>
public sealed record PolicyOptions
{
    [Setting(
        "policy_lists.rooms",
        "The ids of the rooms. Whom they ban is refused here: invites, joins, media, accounts. Whoever may "
            + "change their rules decides this. Where no local user is in a room, server_notices.localpart joins "
            + "it.",
        Form = SettingForm.RoomIds)]
    public IReadOnlyList<string> Rooms { get; init; } = [];

    [Setting("policy_lists.via", "Servers through which these rooms are joined.", Form = SettingForm.ServerNames)]
    public IReadOnlyList<string> Via { get; init; } = [];

    [Setting(
        "policy_lists.rules",
        "The rules of all lists that are followed; more are left out, with a warning.",
        Least = 1)]
    public int MaxRules { get; init; } = 50_000;

    [Setting(
        "policy_lists.join_interval",
        "How often the server tries to join rooms that it is not in.",
        Form = SettingForm.Timer)]
    public TimeSpan JoinInterval { get; init; } = TimeSpan.FromMinutes(15);
}
