using System.Globalization;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.AdminPages.Tokens;

/// <summary>Registration tokens: the list, and new ones.</summary>
internal sealed class TokenPages(AdminFrame frame, RegistrationTokens tokens, TimeProvider clock) : IEndpoints
{
    private const int UsualLength = 16;

    private static readonly Column[] _columns =
    [
        new("Token"), new("Used") { IsNumber = true }, new("Ends") { IsOptional = true }, new("Action"),
    ];

    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, Sections.Tokens, (visit, stop) => PageAsync(visit, new NewToken("", "", ""), "", stop));
        frame.Action(routes, "token-create", CreateAsync);
        frame.Confirmed(routes, "token-delete", new TokenDeletion(tokens));
    }

    private sealed record NewToken(string Token, string Uses, string Ends)
    {
        public override string ToString() => nameof(NewToken);
    }

    private async ValueTask<AdminView> PageAsync(
        AdminVisit visit, NewToken wish, string alert, CancellationToken stop)
    {
        var list = new ListState(Sections.Tokens, visit, "", "q", "kind");
        bool? isValid = list["kind"] switch { "valid" => true, "ended" => false, _ => null };
        var all = await tokens.ListAsync(isValid, stop);
        RegistrationTokenRow[] found =
        [
            .. all.Where(row => list["q"] is not { } part
                || row.Token.Contains(part, StringComparison.OrdinalIgnoreCase)),
        ];
        list.Total = found.Length;
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var page = found.Skip((int)list.From).Take(ListState.PageSize).Select(row => RowOf(row, now));
        return new AdminView(Sections.Tokens, "Registration tokens", Html.Of($"""
            {list.FormOf(Html.Of($"""
                {list.TextField("q", "Token")}
                {list.Choice("kind", "Tokens", ("", "all"), ("valid", "can be used"), ("ended", "used up or ended"))}
                """))}
            {DataTable.Of("Who has a token can register", _columns, [.. page], "No token.", list)}
            <h2>New token</h2>
            <form method="post" action="token-create" class="panel narrow">
            {visit.Session.FormField}
            <label>Token (empty for a random one)
            <input name="token" maxlength="{RegistrationTokens.Longest}" autocomplete="off" autocapitalize="none"
            spellcheck="false" value="{wish.Token}"></label>
            <label>Uses (empty for any number)
            <input name="uses" type="number" min="1" value="{wish.Uses}"></label>
            <label>Ends, in UTC (empty for never)
            <input name="ends" type="datetime-local" value="{wish.Ends}"></label>
            <button class="main">Create</button>
            </form>
            """))
        {
            Alert = alert,
            Status = alert.Length == 0 ? 200 : 400,
        };
    }

    private static Html[] RowOf(RegistrationTokenRow row, long now) =>
    [
        Html.Of($"""
            <code>{row.Token}</code> {Format.BadgeIf(!row.IsValidAt(now), "warn", "ended")}
            """),
        Html.Of($"{row.Completed}{(row.UsesAllowed is { } uses ? $" of {uses}" : "")}"),
        Format.Time(row.ExpiresAt),
        Html.Of($"""<a class="quiet bad" href="{Link.To("token-delete", ("token", row.Token))}">Delete</a>"""),
    ];

    private async ValueTask<AdminActionResult> CreateAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var wish = new NewToken(
            (form.Text("token") ?? "").Trim(), (form.Text("uses") ?? "").Trim(), (form.Text("ends") ?? "").Trim());
        int? uses = null;
        long? ends = null;
        string? problem = null;
        if (wish.Token.Length > 0 && !RegistrationTokens.IsToken(wish.Token))
        {
            problem = $"A token has 1 to {RegistrationTokens.Longest} of the characters A-Z a-z 0-9 . _ ~ -.";
        }

        if (wish.Uses.Length > 0)
        {
            if (int.TryParse(wish.Uses, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0)
            {
                uses = count;
            }
            else
            {
                problem ??= "The uses must be a positive number.";
            }
        }

        if (wish.Ends.Length > 0)
        {
            const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
            if (DateTimeOffset.TryParse(wish.Ends, CultureInfo.InvariantCulture, Utc, out var at)
                && at > clock.GetUtcNow())
            {
                ends = at.ToUnixTimeMilliseconds();
            }
            else
            {
                problem ??= "The end must be in the future.";
            }
        }

        if (problem is null)
        {
            var made = await tokens.CreateAsync(
                visit.Actor, wish.Token.Length == 0 ? null : wish.Token, UsualLength, uses, ends, stop);
            if (made.IsOk) return AdminActionResult.Done(Sections.Tokens, $"The token is {made.Value.Token}.");
            problem = made.Failure.Message;
        }

        return new AdminActionResult.Shows(await PageAsync(visit, wish, problem, stop));
    }
}

/// <summary>Deletes a token. Accounts that were made with it stay.</summary>
internal sealed class TokenDeletion(RegistrationTokens tokens) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop) =>
        await tokens.FindAsync(visit.Query("token"), stop) is not { } row
            ? null
            : new Confirmation(
                Sections.Tokens,
                "Delete a registration token?",
                Html.Of($"""
                    <p>Nobody can register with <code>{row.Token}</code> any more. Accounts that were made with it
                    stay.</p>
                    """),
                "Delete the token",
                Sections.Tokens);

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var failure = await tokens.DeleteAsync(visit.Actor, visit.Query("token"), stop);
        return AdminActionResult.Of(Sections.Tokens, failure?.Message, "The token is deleted.");
    }
}
