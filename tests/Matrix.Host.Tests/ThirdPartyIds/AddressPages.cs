using System.Text.RegularExpressions;
using Matrix.Host.Tests.OAuth;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>A user and a browser on the pages of a server that sends messages.</summary>
internal abstract partial class AddressPages(string kind)
{
    protected const string Address = "alice@mail.example";
    protected const string SignIn = OAuthActions.Root + "sign-in";
    protected const string SignUp = OAuthActions.Root + "sign-up";
    protected const string Addresses = OAuthActions.Root + "account?action=addresses";
    protected const string Forgotten = "/_matrix/static/client/password";
    protected const string NewPassword = "entirely new";

    protected AddressWorld World { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    protected TestBrowser Browser { get; set; } = null!;

    [GeneratedRegex("""name="(email|msisdn)_session" value="([^"]+)""")]
    protected static partial Regex SessionField { get; }

    [SetUp]
    public async Task StartAsync()
    {
        World = await AddressWorld.StartAsync(kind);
        Alice = await World.Server.RegistersAsync("alice");
        Browser = new TestBrowser(World.Server);
    }

    [TearDown]
    public async Task StopAsync() => await World.DisposeAsync();

    /// <summary>The field that keeps the session, as the last page has it.</summary>
    protected (string Name, string Value) Kept
    {
        get
        {
            var kept = SessionField.Match(Browser.Page.Text);
            Assert.That(kept.Success, Browser.Page.Text);
            return ($"{kept.Groups[1].Value}_session", kept.Groups[2].Value);
        }
    }

    protected static (string, string) Step(string step) => ("step", step);

    /// <summary>Gives an address on a page, and confirms it; returns the field that keeps the session.</summary>
    protected async Task<(string Name, string Value)> ProvesAsync(
        string page, string address, params (string, string)[] more)
    {
        await Browser.OpensAsync(page);
        await Browser.SubmitsAsync(page, [("email_address", address), Step("email.send"), .. more]);
        Assert.That(Browser.Page.Status, Is.EqualTo(200), Browser.Page.Text);
        var kept = Kept;
        await Browser.SubmitsAsync(page, [kept, Step("email.continue"), .. more]);
        Assert.That(Browser.Page.Text, Does.Contain("not confirmed yet"));
        Assert.That((await World.PressesAsync(await World.NextLinkAsync())).Status, Is.EqualTo(200));
        await Browser.SubmitsAsync(page, [kept, Step("email.continue"), .. more]);
        Assert.That(Browser.Page.Status, Is.EqualTo(200), Browser.Page.Text);
        return kept;
    }

    protected Task<Reply> SignsUpAsync(string page, string name, params (string, string)[] more) =>
        Browser.SubmitsAsync(
            page,
            [("username", name), ("password", "long enough"), ("password_again", "long enough"), .. more]);

    protected async Task<Reply> SignsInAsync(string name, string password)
    {
        var browser = new TestBrowser(World.Server);
        await browser.OpensAsync(SignIn);
        return await browser.SubmitsAsync(SignIn, ("username", name), ("password", password));
    }
}
