using System.Net;
using Matrix.Host.Tests.OAuth;
using Matrix.Host.Tests.Push;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>Addresses of accounts on pages: sign-in, a forgotten password, the account page.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class AddressAccountPageTests(string kind) : AddressPages(kind)
{
    private AccountModeration Moderation => World.Server.Services.GetRequiredService<AccountModeration>();

    [Test]
    public async Task Users_sign_in_on_pages_by_mail_address_or_phone_number_and_unknown_ones_look_the_same()
    {
        await World.AddsAsync(Alice, Address);
        Assert.That((await SignsInAsync("Alice@Mail.Example ", Alice.Password)).Status, Is.EqualTo(303));
        Assert.That((await SignsInAsync("alice", Alice.Password)).Status, Is.EqualTo(303));
        var alerts = new List<string>();
        foreach (var name in new[] { Address, "nobody@mail.example", "+44 7700 900999", "nobody" })
        {
            var page = await SignsInAsync(name, "wrong password");
            Assert.That(page.Status, Is.EqualTo(403));
            alerts.Add(page.Text.Split("role=\"alert\">")[1].Split('<')[0]);
        }

        Assert.That(alerts.Distinct().Count(), Is.EqualTo(1));

        const string login = "/_matrix/static/client/login/";
        await Browser.OpensAsync(login);
        Assert.That(Browser.Page.Text, Does.Contain(Forgotten));
        await Browser.SubmitsAsync(login, ("user", Address), ("password", "wrong"));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        await Browser.SubmitsAsync(login, ("user", Address), ("password", Alice.Password));
        Assert.That(WebUtility.HtmlDecode(Browser.Page.Text), Does.Contain(Alice.UserId));
    }

    [Test]
    public async Task A_forgotten_password_is_replaced_on_the_page()
    {
        await World.AddsAsync(Alice, Address);
        Assert.That((await Browser.OpensAsync(SignIn)).Text, Does.Contain(Forgotten));
        var kept = await ProvesAsync(Forgotten, Address);
        await Browser.SubmitsAsync(
            Forgotten, kept, ("new_password", NewPassword), ("new_password_again", "entirely else"));
        Assert.That(Browser.Page.Status, Is.EqualTo(400));
        await Browser.SubmitsAsync(Forgotten, kept, ("new_password", "short"), ("new_password_again", "short"));
        Assert.That(Browser.Page.Status, Is.EqualTo(400));
        Assert.That((await SignsInAsync("alice", Alice.Password)).Status, Is.EqualTo(303));

        (string, string)[] form =
            [kept, ("new_password", NewPassword), ("new_password_again", NewPassword), ("log_out", "yes")];
        await Browser.SubmitsAsync(Forgotten, form);
        Assert.That(Browser.Page.Text, Does.Contain("The password is changed"));

        Assert.That((await SignsInAsync(Address, NewPassword)).Status, Is.EqualTo(303));
        Assert.That((await SignsInAsync(Address, Alice.Password)).Status, Is.EqualTo(403));
        (await Alice.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        await Browser.SubmitsAsync(Forgotten, form);
        Assert.That(Browser.Page.Status, Is.EqualTo(403), "Once.");
    }

    [Test]
    public async Task A_locked_user_gets_no_new_password_on_the_page()
    {
        await World.AddsAsync(Alice, Address);
        var kept = await ProvesAsync(Forgotten, Address);
        await Moderation.LockAsync(AdminActor.Operator, Alice.UserId, true, CancellationToken.None);
        await Browser.SubmitsAsync(
            Forgotten, kept, ("new_password", NewPassword), ("new_password_again", NewPassword));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        Assert.That(Browser.Page.Text, Does.Contain("locked"));
    }

    [Test]
    public async Task Addresses_are_listed_added_and_removed_on_the_account_page_with_the_password()
    {
        Browser = await TestBrowser.SignedInAsync(World.Server, Alice);
        Assert.That((await Browser.OpensAsync(Addresses)).Text, Does.Contain("no mail address"));
        var medium = ("medium", "email");
        var kept = await ProvesAsync(Addresses, Address, medium);
        Assert.That(await AddressWorld.AddressesAsync(Alice), Is.Empty);
        await Browser.SubmitsAsync(Addresses, kept, medium, ("add", "yes"));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        await Browser.SubmitsAsync(Addresses, kept, medium, ("add", "yes"), ("password", "wrong"));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        Assert.That(await AddressWorld.AddressesAsync(Alice), Is.Empty);
        await Browser.PostsAsync(Addresses, kept, medium, ("add", "yes"), ("password", Alice.Password));
        Assert.That(Browser.Page.Text, Does.Contain("out of date"));
        await Browser.SubmitsAsync(Addresses, kept, medium, ("add", "yes"), ("password", Alice.Password));
        Assert.That(Browser.Page.Text, Does.Contain("It is added").And.Contain(Address));
        Assert.That(await AddressWorld.AddressesAsync(Alice), Is.EqualTo(new[] { $"email {Address}" }));

        await Browser.SubmitsAsync(Addresses, ("remove", $"email {Address}"));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        await Browser.SubmitsAsync(Addresses, ("remove", "nonsense"), ("password", Alice.Password));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        Assert.That(await AddressWorld.AddressesAsync(Alice), Has.Length.EqualTo(1));
        await Browser.SubmitsAsync(Addresses, ("remove", $"email {Address}"), ("password", Alice.Password));
        Assert.That(Browser.Page.Text, Does.Contain("It is removed"));
        Assert.That(await AddressWorld.AddressesAsync(Alice), Is.Empty);
    }

    [Test]
    public async Task A_suspended_user_adds_an_address_on_the_account_page_and_removes_none()
    {
        await World.AddsAsync(Alice, Address);
        Browser = await TestBrowser.SignedInAsync(World.Server, Alice);
        await Moderation.SuspendAsync(AdminActor.Operator, Alice.UserId, true, CancellationToken.None);
        await Browser.OpensAsync(Addresses);
        await Browser.SubmitsAsync(Addresses, ("remove", $"email {Address}"), ("password", Alice.Password));
        Assert.That(Browser.Page.Text, Does.Contain("suspended"));
        var medium = ("medium", "email");
        var kept = await ProvesAsync(Addresses, "second@mail.example", medium);
        await Browser.SubmitsAsync(Addresses, kept, medium, ("add", "yes"), ("password", Alice.Password));
        Assert.That(Browser.Page.Text, Does.Contain("It is added"));
        Assert.That(await AddressWorld.AddressesAsync(Alice), Has.Length.EqualTo(2));
    }

    [Test]
    public async Task Nobody_adds_or_removes_the_addresses_of_others_on_the_account_page()
    {
        await World.AddsAsync(Alice, Address);
        var bob = await World.Server.RegistersAsync("bob");
        Browser = await TestBrowser.SignedInAsync(World.Server, bob);
        await Browser.OpensAsync(Addresses);
        Assert.That(Browser.Page.Text, Does.Not.Contain(Address));
        await Browser.SubmitsAsync(Addresses, ("remove", $"email {Address}"), ("password", bob.Password));
        Assert.That(await AddressWorld.AddressesAsync(Alice), Has.Length.EqualTo(1));
        await Browser.SubmitsAsync(
            Addresses, ("medium", "email"), ("email_address", Address), Step("email.send"));
        Assert.That(AddressWorld.LinkOf((await LastMailAsync()).Bodies[0]), Is.Null, "The owner learns of it.");
    }

    private async Task<CameMail> LastMailAsync()
    {
        var mail = await World.Smtp.NextAsync();
        while (!mail.Header("Subject")!.StartsWith("Your address on", StringComparison.Ordinal))
        {
            mail = await World.Smtp.NextAsync();
        }

        return mail;
    }
}
