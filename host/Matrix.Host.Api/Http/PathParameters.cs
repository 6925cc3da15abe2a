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
                "userId" => (UserId.isValid(value), "user id"),
                "roomId" => (RoomId.isOfSomeVersion(value), "room id"),
                "roomAlias" => (RoomAlias.isValid(value), "room alias"),
                "roomIdOrAlias" => (RoomId.isOfSomeVersion(value) || RoomAlias.isValid(value), "room id or alias"),
                "serverName" => (ServerName.isValid(value), "server name"),
                "eventId" => (EventId.isValid(value), "event id"),
                _ => (true, ""),
            };

            if (!valid) return Answer.InvalidParam($"`{Shown(value)}` is not a valid {what}.");
        }

        return null;
    }

    private static string Shown(string value) => value.Length <= 80 ? value : value[..80] + "…";
}
