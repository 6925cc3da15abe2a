using System.Text.Json.Nodes;
using Matrix.Host.Tests.Admin;
using Matrix.Host.Tests.OAuth;

namespace Matrix.Host.Tests.AdminPages;

/// <summary>The base of tests of the admin page: a server, an administrator, a user, and the administrator's browser.
/// </summary>
public abstract class AdminPageTests : AdminTests
{
    protected const string Pages = "/_synapse/admin/page/";

    private protected TestBrowser Browser { get; private set; } = null!;

    [SetUp]
    public async Task SignInAsync()
    {
        Server.Ahead = TimeSpan.Zero;
        Browser = await SignsInAsync(Root);
    }

    private protected async Task<TestBrowser> SignsInAsync(TestUser user, string? password = null)
    {
        var browser = new TestBrowser(Server);
        await browser.OpensAsync(Pages + "sign-in");
        await browser.SubmitsAsync(
            Pages + "sign-in", ("username", user.UserId), ("password", password ?? user.Password));

        // Forms have another token now.
        await browser.OpensAsync(Pages + "notices");
        return browser;
    }

    /// <summary>Opens a page that must be there.</summary>
    private protected async Task<string> ShowsAsync(string page)
    {
        var reply = await Browser.OpensAsync(Pages + page);
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return reply.Text;
    }

    /// <summary>Sends a form, and opens the page to which it leads.</summary>
    private protected async Task<string> DoesAsync(string act, params (string Name, string Value)[] fields)
    {
        await Browser.SubmitsAsync(Pages + act, fields);
        Assert.That(Browser.Page.Status, Is.EqualTo(303), Browser.Page.Text);
        return await ShowsAsync(Browser.Location!);
    }

    /// <summary>A user id in a query.</summary>
    protected static string In(string text) => Uri.EscapeDataString(text);

    /// <summary>Uploads a file of a type.</summary>
    protected static async Task<string> UploadsAsync(TestUser user, string type, string name, string text)
    {
        using var body = new StringContent(text);
        body.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(type);
        var sent = await user.SendAsync(HttpMethod.Post, $"/_matrix/media/v3/upload?filename={In(name)}", body);
        return sent.Is(200).Member("content_uri");
    }

    protected static async Task<string> SendsAsync(TestUser user, string roomId, string text) =>
        (await user.PutAsync(
            $"rooms/{roomId}/send/m.room.message/{Guid.NewGuid():N}",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = text })).Is(200).Member("event_id");
}
