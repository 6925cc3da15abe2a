using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Upgrading;

namespace Matrix.Host.Api.Client.RoomUpgrades;

/// <summary>Replacement of a room by one of another version. v1.19 client-server-api#room-upgrades</summary>
internal sealed class Upgrade(Rooms.Upgrading.RoomUpgrades upgrades, ClientOptions options) : IEndpoints
{
    // v1.19 client-server-api#post_matrixclientv3roomsroomidupgrade
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Room).Post(
        "rooms/{roomId}/upgrade",
        Read,
        UpgradeAsync,
        new RouteOptions { Rate = RateClass.Membership, CanonicalBody = true });

    private sealed record Asked(string Version, IReadOnlyList<string> AdditionalCreators);

    private static Asked Read(BodyReader body)
    {
        var version = body.RequiredText("new_version");
        var creators = body.Texts("additional_creators") ?? [];
        foreach (var user in creators)
        {
            if (!UserId.IsValid(user))
            {
                body.Refuse(MatrixError.InvalidParam, $"`{user}` in `additional_creators` is not a valid user id.");
            }
        }

        return new Asked(version, creators);
    }

    private async ValueTask<Answer> UpgradeAsync(Call call, Asked asked, CancellationToken stop)
    {
        var request = new RoomUpgradeRequest(
            call.Caller.UserId, call["roomId"], asked.Version, asked.AdditionalCreators, call.Service is null);
        var upgraded = await upgrades.UpgradeAsync(request, stop);
        return upgraded.IsOk
            ? Answer.Json(upgraded.Value, static (json, it) => json.WriteString("replacement_room", it))
            : RoomAnswers.Of(upgraded.Failure, options);
    }
}
