namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of the API of 2014.</summary>
    private static ConfigKey[] CompatibilityKeys() =>
    [
        Key(
            "compatibility.legacy_client_api", ConfigTypes.Flag, c => c.Client.Legacy.IsOn,
            "Whether clients of 2014 are served, at /_matrix/client/api/v1."),
        Key(
            "compatibility.legacy_public_rooms", ConfigTypes.Flag, c => c.Client.Legacy.PublicRooms,
            "Whether a room that such a client creates is public unless it says otherwise."),
        Key(
            "compatibility.legacy_transactions", ConfigTypes.Whole(1), c => c.Client.Legacy.MaxTransactions,
            "Responses to such clients that are remembered by their transaction ids."),
        Key(
            "compatibility.presence_list", ConfigTypes.Whole(0, 10_000), c => c.Presence.MaxListed,
            "Users on the presence list of one user, which such clients have."),
    ];
}
