using Matrix.Host.Parts;

namespace Matrix.Host.Network.TextMessages;

/// <summary>The gateway by which text messages (SMS) are sent.</summary>
public sealed record TextMessageOptions
{
    [Setting(
        "text_messages.gateway_url",
        "The address of a gateway that sends text messages (SMS): each is posted as JSON with `to` (digits with "
            + "the country code), `text` and `language`. \"\" for none: then accounts have no phone numbers.",
        Form = SettingForm.HttpUrl)]
    public string GatewayUrl { get; init; } = "";

    [Setting(
        "text_messages.gateway_token",
        "A token that the gateway gets as `Authorization: Bearer`; \"\" for none.",
        IsSecret = true)]
    public string GatewayToken { get; init; } = "";

    [Setting("text_messages.time", "The time for one message.", Form = SettingForm.Timer)]
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(15);

    [Setting(
        "text_messages.response_bytes",
        "The response of the gateway.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 16 << 20)]
    public int MaxResponseBytes { get; init; } = 64 << 10;

    /// <summary>Whether messages can be sent.</summary>
    public bool IsConfigured => GatewayUrl.Length > 0;
}
