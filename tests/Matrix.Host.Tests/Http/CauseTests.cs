using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Tests.Http;

/// <summary>Whose share a request takes of the work with other servers.</summary>
internal sealed class CauseTests
{
    [Test]
    public void A_bridge_has_one_share_for_all_its_users_and_the_addresses_of_a_network_have_one()
    {
        var bridge = new AppService("test.example", "token", "bridge") { Id = "irc", HomeserverToken = "other" };
        var one = new Caller(new UserDevice("@irc_a:test.example", "D"), IsAdmin: false, IsGuest: false);
        Assert.That(CauseOf(one, bridge, "192.0.2.1"), Is.EqualTo("service irc"));
        Assert.That(CauseOf(one, null, "192.0.2.1"), Is.EqualTo("@irc_a:test.example"));
        Assert.That(CauseOf(null, null, "2001:db8::1"), Is.EqualTo(CauseOf(null, null, "2001:db8::2")));
    }

    private static string CauseOf(Caller? caller, AppService? service, string address)
    {
        var route = new Route(
            "GET",
            "/x",
            false,
            static (_, _, _) => ValueTask.FromResult(Answer.Empty),
            RouteOptions.Default with { Owner = RouteOwner.Nobody });
        return new Call(new DefaultHttpContext(), "/x", route, [], [], caller, null, address) { Service = service }
            .CausedBy;
    }
}
