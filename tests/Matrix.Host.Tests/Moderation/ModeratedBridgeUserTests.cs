using System.Text.Json.Nodes;
using Matrix.Host.Tests.AppServices;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Moderation;

/// <summary>Locked and suspended users of an application service.</summary>
internal sealed class ModeratedBridgeUserTests : AppServiceTests
{
    [Test]
    public async Task A_service_neither_acts_nor_logs_in_as_a_locked_user_and_writes_nothing_as_a_suspended_one()
    {
        var ghost = $"@_irc_ghost:{TestServer.ServerName}";
        var moderation = Server.Services.GetRequiredService<AccountModeration>();
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        (await Bridge.GetAsync($"sync?user_id={ghost}")).Is(200);
        (await Bridge.PostAsync($"createRoom?user_id={ghost}")).Is(200);

        await moderation.SuspendAsync(AdminActor.Operator, ghost, true, CancellationToken.None);
        (await Bridge.GetAsync($"sync?user_id={ghost}")).Is(200);
        (await Bridge.PostAsync($"createRoom?user_id={ghost}")).Is(403, "M_USER_SUSPENDED");
        (await Bridge.PostAsync("createRoom")).Is(200);

        await moderation.LockAsync(AdminActor.Operator, ghost, true, CancellationToken.None);
        (await Bridge.GetAsync($"sync?user_id={ghost}")).Is(401, "M_USER_LOCKED");
        (await Bridge.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.application_service",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = ghost },
        })).Is(401, "M_USER_LOCKED");

        await moderation.LockAsync(AdminActor.Operator, ghost, false, CancellationToken.None);
        await moderation.SuspendAsync(AdminActor.Operator, ghost, false, CancellationToken.None);
        (await Bridge.PostAsync($"createRoom?user_id={ghost}")).Is(200);
    }
}
