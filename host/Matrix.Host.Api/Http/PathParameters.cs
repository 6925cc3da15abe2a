using Matrix.Core.Ident;

namespace Matrix.Host.Api.Http;

/// <summary>Checks path parameters that are identifiers, by their names in the specification.</summary>
internal static class PathParameters
{
    /// <summary>The error for the first invalid identifier; null if all are valid.</summary>
    internal static Answer? Check(string[] names, string[] values)
    {
        for (var i = 0; i < names.Length; i++)
        {
            var value = values[i];
            var (valid, what) = names[i] switch
            {
                "userId" => (UserId.IsValid(value), "user id"),
                "roomId" => (RoomId.IsOfSomeVersion(value), "room id"),
                "roomAlias" => (RoomAlias.IsValid(value), "room alias"),
                "roomIdOrAlias" => (RoomId.IsOfSomeVersion(value) || RoomAlias.IsValid(value), "room id or alias"),
                "serverName" => (ServerName.IsValid(value), "server name"),
                "eventId" => (EventId.IsValid(value), "event id"),
                _ => (true, ""),
            };

            if (!valid) return Answer.InvalidParam($"`{Shorten(value)}` is not a valid {what}.");
        }

        return null;
    }

    private static string Shorten(string value) => value.Length <= 80 ? value : value[..80] + "…";
}
