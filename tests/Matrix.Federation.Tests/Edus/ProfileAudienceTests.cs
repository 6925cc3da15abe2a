namespace Matrix.Federation.Tests.Edus;

/// <summary>Whom profiles are shown to, by the configuration. Decision 88.</summary>
public sealed class ProfileAudienceTests : EduTests
{
    [Test]
    public async Task A_server_that_shares_no_room_with_a_user_sees_no_profile_if_so_configured()
    {
        (await ProfileAsync()).Is(200);
        await RestartAsync(("profiles.shown_to", "users"));
        (await ProfileAsync()).Is(200);
        await RestartAsync(("profiles.shown_to", "shared_rooms"));

        (await ProfileAsync()).Is(403, "M_FORBIDDEN");
        (await ProfileAsync("nobody")).Is(403, "M_FORBIDDEN");
        await RoomAsync();
        (await ProfileAsync()).Is(200);
    }

    private Task<Reply> ProfileAsync(string? localpart = null)
    {
        var userId = localpart is null ? Alice.UserId : $"@{localpart}:{Server.Name}";
        return Peer.Peer.SendAsync(Server, "GET", $"/_matrix/federation/v1/query/profile?user_id={userId}");
    }
}
