namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of server notices.</summary>
    private static ConfigKey[] NoticeKeys() =>
    [
        Key(
            "server_notices.localpart", ConfigTypes.LocalpartOrNone, c => c.Rooms.Notices.Localpart,
            "The sender is @LOCALPART:server_name. Nobody can register this name. \"\" for no notices."),
        Key(
            "server_notices.display_name", ConfigTypes.Text, c => c.Rooms.Notices.DisplayName,
            "The sender's display name."),
        Key(
            "server_notices.room_name", ConfigTypes.Text, c => c.Rooms.Notices.RoomName,
            "The name of the rooms, when they are created."),
    ];
}
