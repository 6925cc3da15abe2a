using System.Text.Json.Nodes;
using Matrix.Host.Tests.AppServices;

namespace Matrix.Host.Tests.Policies;

/// <summary>Users of an application service that a policy list names.</summary>
internal sealed class LockedBridgeUserTests : AppServiceTests
{
    [Test]
    public async Task A_service_neither_acts_as_a_banned_user_nor_registers_another()
    {
        var ghost = IdOf("_irc_ghost");
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        var list = (await Alice.PostAsync("createRoom", new JsonObject())).Is(200).Member("room_id");
        await Server.RestartAsync(("policy_lists.rooms", list));
        (await Bridge.GetAsync($"account/whoami?user_id={ghost}")).Is(200);

        (await Alice.PutAsync($"rooms/{list}/state/m.policy.rule.user/x", new JsonObject
        {
            ["entity"] = "@_irc_*:*",
            ["recommendation"] = "m.ban",
            ["reason"] = "",
        })).Is(200);

        (await Bridge.GetAsync($"account/whoami?user_id={ghost}")).Is(401, "M_USER_LOCKED");
        (await RegistersGhostAsync("_irc_other")).Is(403, "M_FORBIDDEN");
        (await Bridge.GetAsync("account/whoami")).Is(200);
    }
}
