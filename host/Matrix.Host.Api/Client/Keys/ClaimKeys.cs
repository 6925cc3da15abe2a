using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Claims of one-time keys: `POST /keys/claim`. Client-Server API, "Key management API".</summary>
internal sealed class ClaimKeys(KeyClaims claims, KeyOptions options, ClientOptions server) : IEndpoints
{
    public void Map(ClientRoutes routes) => routes.Post(
        "keys/claim", Read, Claim, new RouteOptions { Access = Access.UsersAndGuests, Body = BodyLimit.Large });

    private async ValueTask<Answer> Claim(Call call, List<KeyClaim> wanted, CancellationToken stop)
    {
        if (wanted.Count > options.MaxClaims)
        {
            return Answer.TooLarge($"Claim at most {options.MaxClaims} keys at once.");
        }

        var (local, elsewhere) = (
            wanted.FindAll(claim => UserId.server(claim.UserId) == server.ServerName),
            wanted.Select(claim => UserId.server(claim.UserId)).Where(name => name != server.ServerName));
        var claimed = await claims.ClaimAsync(local, stop).ConfigureAwait(false);

        using var bytes = new ByteBuffer();
        bytes.Raw("{\"failures\":"u8);
        CanonicalJson.write(bytes, KeyAnswers.Unreachable(elsewhere));
        bytes.Raw(",\"one_time_keys\":"u8);
        WriteMap(bytes, claimed.GroupBy(key => key.UserId), static (to, ofUser) =>
            WriteMap(to, ofUser.GroupBy(key => key.DeviceId), static (to, ofDevice) =>
                WriteMap(to, ofDevice.GroupBy(key => key.KeyId), static (to, key) => to.Raw(key.First().Json.Span))));
        bytes.Byte((byte)'}');
        return Answer.Bytes(bytes.ToArray());
    }

    private static void WriteMap(
        ByteBuffer to,
        IEnumerable<IGrouping<string, ClaimedKey>> members,
        Action<ByteBuffer, IGrouping<string, ClaimedKey>> write)
    {
        to.Byte((byte)'{');
        var first = true;
        foreach (var member in members)
        {
            if (!first) to.Byte((byte)',');
            first = false;
            CanonicalJson.writeString(to, member.Key);
            to.Byte((byte)':');
            write(to, member);
        }

        to.Byte((byte)'}');
    }

    private static List<KeyClaim> Read(BodyReader body)
    {
        body.Number("timeout");
        var wanted = new List<KeyClaim>();
        var users = body.RequiredInner("one_time_keys");
        foreach (var (user, devices) in users.Members())
        {
            if (!UserId.isValid(user))
            {
                body.Refuse(MatrixError.InvalidParam, $"`{users.PathOf(user)}` is not a user id.");
            }

            foreach (var device in devices.Names())
            {
                wanted.Add(new KeyClaim(user, device, devices.RequiredText(device)));
            }
        }

        return wanted;
    }
}
