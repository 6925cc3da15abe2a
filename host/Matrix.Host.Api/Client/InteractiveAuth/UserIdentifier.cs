using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>Reads who is meant by the members of a log-in. Client-Server API, "Identifier types".</summary>
internal static class UserIdentifier
{
    /// <summary>
    /// The user id that an object names by `identifier`, or by `user` as it was before. Null if it names someone by an address or number:
    /// we know of none. Problems are the reader's.
    /// </summary>
    internal static string? Read(BodyReader body, string serverName)
    {
        if (body.Inner("identifier") is not { } identifier)
        {
            if (body.Text("user") is { } user) return UserIdOf(user, serverName);
            if (body.Text("medium") is not null && body.Text("address") is not null) return null;
            body.Refuse(MatrixError.BadJson, $"`{body.PathOf("identifier")}` is missing.");
            return null;
        }

        // The specification's own example of a log-in by address leaves the type out.
        if (!identifier.Has("type") && identifier.Text("medium") is not null && identifier.Text("address") is not null) return null;

        switch (identifier.RequiredText("type"))
        {
            case "m.id.user":
                return UserIdOf(identifier.RequiredText("user"), serverName);
            case "m.id.thirdparty":
                _ = identifier.RequiredText("medium");
                _ = identifier.RequiredText("address");
                return null;
            case "m.id.phone":
                _ = identifier.RequiredText("country");
                _ = identifier.RequiredText("phone");
                return null;
            default:
                body.Refuse(MatrixError.Unrecognized, "The type of the identifier is not known.");
                return null;
        }
    }

    private static string UserIdOf(string user, string serverName) => user.StartsWith('@') ? user : $"@{user}:{serverName}";
}
