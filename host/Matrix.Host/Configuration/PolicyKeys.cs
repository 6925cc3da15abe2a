namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of policy lists.</summary>
    private static ConfigKey[] PolicyKeys() =>
    [
        Key(
            "policy_lists.rooms", ConfigTypes.RoomIds, c => c.Rooms.Policies.Rooms,
            "The ids of the rooms. Whom they ban is refused here: invites, joins, media, accounts. Whoever may change "
                + "their rules decides this. Where no local user is in a room, server_notices.localpart joins it."),
        Key(
            "policy_lists.via", ConfigTypes.ServerNames, c => c.Rooms.Policies.Via,
            "Servers through which these rooms are joined."),
        Key(
            "policy_lists.rules", ConfigTypes.Whole(1), c => c.Rooms.Policies.MaxRules,
            "The rules of all lists that are followed; more are left out, with a warning."),
        Key(
            "policy_lists.join_interval", ConfigTypes.TimerDuration, c => c.Rooms.Policies.JoinInterval,
            "How often the server tries to join rooms that it is not in."),
    ];
}
