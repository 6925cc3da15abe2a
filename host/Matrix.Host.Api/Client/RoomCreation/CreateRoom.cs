using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Client.RoomMembership;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Inviting;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Users.AppServices;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Client.RoomCreation;

/// <summary>Creation of rooms. v1.19 client-server-api#creation</summary>
internal sealed partial class CreateRoom(
    RoomCreator creator,
    AddressInvites addresses,
    AppServiceDirectory services,
    RoomsOptions rooms,
    ClientOptions options,
    ILogger<CreateRoom> log) : IEndpoints
{
    private sealed record Creation(RoomRequest Room, IReadOnlyList<AddressInvite> Addresses);

    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#post_matrixclientv3createroom
        routes.Of(RouteOwner.Nobody).Post(
            "createRoom",
            Read,
            CreateAsync,
            new RouteOptions
            {
                Rate = RateClass.Membership,
                Body = BodyLimit.Large,
                CanonicalBody = true,
                BodyMayBeMissing = true,
            });

    private async ValueTask<Answer> CreateAsync(Call call, Creation creation, CancellationToken stop)
    {
        var request = creation.Room;
        foreach (var invite in creation.Addresses)
        {
            if (InvitesByAddress.Refusal(addresses, invite) is { } refusal) return refusal;
        }

        if (request.Alias is { } alias && !services.MayManageAlias(call.Service, alias))
        {
            return ServiceAnswers.Exclusive;
        }

        // Each invite counts as one in another room does.
        var invites = request.Invites.Count + creation.Addresses.Count;
        if (call.Count(RateClass.Membership, 1 + invites, taken: 1) is { } tooMany) return tooMany;

        var creatorId = call.Caller.UserId;
        var asked = request with
        {
            Creator = creatorId,
            IsBounded = call.Service is null,
            NotInvited = why => LeftOut(creatorId, why.Message),
        };
        var created = await creator.CreateAsync(asked, stop);
        if (created.IsOk)
        {
            await addresses.InviteAllAsync(
                creatorId, created.Value, creation.Addresses, why => LeftOut(creatorId, why.Message), stop);
        }

        return created.IsOk ? RoomAnswers.RoomId(created) : RoomAnswers.Of(created.Failure, options);
    }

    private Creation Read(BodyReader body)
    {
        var isPublished = body.Text("visibility") switch
        {
            null or "private" => false,
            "public" => true,
            _ => Wrong(body, "visibility", "`public` or `private`"),
        };
        var preset = body.Text("preset") switch
        {
            null => isPublished ? Preset.PublicChat : Preset.PrivateChat,
            "private_chat" => Preset.PrivateChat,
            "public_chat" => Preset.PublicChat,
            "trusted_private_chat" => Preset.TrustedPrivateChat,
            _ => Wrong(body, "preset", "`private_chat`, `public_chat` or `trusted_private_chat`")
                ? null!
                : Preset.PrivateChat,
        };
        AddressInvite[] byAddress = [.. (body.InnerItems("invite_3pid") ?? []).Select(InvitesByAddress.Read)];
        if (byAddress.Length > rooms.MaxInitialInvites)
        {
            body.Refuse(
                MatrixError.InvalidParam, $"`invite_3pid` can have at most {rooms.MaxInitialInvites} addresses.");
        }

        var room = new RoomRequest
        {
            Creator = "",
            Version = body.Text("room_version"),
            Preset = preset,
            IsPublished = isPublished,
            Alias = Alias(body),
            Name = body.FreeText("name"),
            Topic = body.FreeText("topic"),
            Invites = Invites(body),
            IsDirect = body.Flag("is_direct"),
            CreationContent = body.Content("creation_content") ?? JsonObject.Empty,
            PowerLevelOverride = body.Content("power_level_content_override") ?? JsonObject.Empty,
            InitialState =
            [
                .. (body.InnerItems("initial_state") ?? []).Select(state =>
                    (state.RequiredText("type"), state.Text("state_key") ?? "", state.RequiredContent("content"))),
            ],
        };
        return new Creation(room, byAddress);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "An invite to a room created by {Creator} failed: {Why}")]
    private partial void LeftOut(string creator, string why);

    private static bool Wrong(BodyReader body, string name, string expected)
    {
        body.Refuse(MatrixError.BadJson, $"`{body.PathOf(name)}` must be {expected}.");
        return false;
    }

    private string? Alias(BodyReader body)
    {
        if (body.Text("room_alias_name") is not { } localpart) return null;
        var alias = $"#{localpart}:{options.ServerName}";
        if (localpart.Length == 0 || localpart.Contains(':') || !RoomAlias.IsValid(alias))
        {
            body.Refuse(MatrixError.InvalidParam, "`room_alias_name` is not the local part of a valid room alias.");
        }

        return alias;
    }

    private static string[] Invites(BodyReader body)
    {
        var invites = body.Texts("invite") ?? [];
        foreach (var user in invites)
        {
            if (!UserId.IsValid(user))
            {
                body.Refuse(MatrixError.InvalidParam, $"`{user}` in `invite` is not a valid user id.");
            }
        }

        return invites;
    }
}
