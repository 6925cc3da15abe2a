using Matrix.Host.Api.Http;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>The user of a login, as the client gives it.</summary>
/// <param name="UserId">The user id; null for an address.</param>
/// <param name="Identifier">The address; null for a user id, and for what is no address.</param>
internal sealed record GivenUser(string? UserId, ThirdPartyId? Identifier)
{
    /// <summary>An address that nobody has.</summary>
    internal static GivenUser Nobody { get; } = new(null, null);

    /// <summary>Whether it is a mail address or phone number.</summary>
    internal bool IsAddress => UserId is null;
}

/// <summary>Reads the user of a login. v1.19 client-server-api#identifier-types</summary>
internal static class UserIdentifier
{
    /// <summary>
    /// The user given by `identifier`, or by the older members. Mistakes are recorded in the reader.
    /// </summary>
    internal static GivenUser Read(BodyReader body, string serverName)
    {
        if (body.Inner("identifier") is not { } identifier)
        {
            if (body.Text("user") is { } user) return UserIdOf(user, serverName);
            if (body.Text("medium") is { } medium && body.Text("address") is { } address) return Of(medium, address);
            body.Refuse(MatrixError.BadJson, $"`{body.PathOf("identifier")}` is missing.");
            return GivenUser.Nobody;
        }

        // The specification's example of a login by address has no type.
        if (!identifier.Has("type")
            && identifier.Text("medium") is { } ofMedium
            && identifier.Text("address") is { } ofAddress)
        {
            return Of(ofMedium, ofAddress);
        }

        switch (identifier.RequiredText("type"))
        {
            case "m.id.user":
                return UserIdOf(identifier.RequiredText("user"), serverName);
            case "m.id.thirdparty":
                return Of(identifier.RequiredText("medium"), identifier.RequiredText("address"));
            case "m.id.phone":
                var country = identifier.RequiredText("country");

                // Old clients have the older name.
                var number = identifier.Has("phone") || !identifier.Has("number")
                    ? identifier.RequiredText("phone")
                    : identifier.RequiredText("number");
                return new GivenUser(null, ThirdPartyId.OfPhone(number, country));
            default:
                body.Refuse(MatrixError.Unrecognized, "The type of the identifier is unknown.");
                return GivenUser.Nobody;
        }
    }

    /// <summary>
    /// The user that somebody typed: a user id or name, a mail address, or a phone number with `+` and the country
    /// code. A user name that looks like such a number is typed as a user id.
    /// </summary>
    internal static GivenUser Typed(string text, string serverName)
    {
        var typed = text.Trim();
        if (typed.IndexOf('@', StringComparison.Ordinal) > 0) return Of(Medium.Email, typed);
        return typed is ['+', _, ..] && typed.Skip(1).All(static c => char.IsAsciiDigit(c) || c is ' ' or '-')
            ? Of(Medium.Phone, typed)
            : UserIdOf(typed, serverName);
    }

    private static GivenUser Of(string medium, string address) => new(null, ThirdPartyId.Read(medium, address));

    private static GivenUser UserIdOf(string user, string serverName) =>
        new(user.StartsWith('@') ? user : $"@{user}:{serverName}", null);
}
