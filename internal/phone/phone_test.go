package phone_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"github.com/purescim/purescim/internal/phone"
)

func TestNormalizeAcceptsTheUsualSpellings(t *testing.T) {
	t.Parallel()
	const plain, extended = "+13175724245", "tel:+13175724245;ext=123"
	for _, test := range []struct{ text, region, want string }{
		{"+13175724245", "US", plain},
		{"+13175724245", "", plain},
		{"+13175724245", "DE", plain},
		{"  +13175724245\t", "US", plain},
		{"tel:+13175724245", "US", plain},
		{"TEL:+1-317-572-4245", "US", plain},
		{"tel:3175724245", "US", plain},
		{"+1 (317) 572-4245", "DE", plain},
		{"(+1) 317.572.4245", "DE", plain},
		{"(317) 572-4245", "US", plain},
		{"317/572-4245", "US", plain},
		{"1 317 572 4245", "US", plain},
		{"011 1 317 572 4245", "US", plain},
		{"001 317 572 4245", "DE", plain},
		{"+1 317 572 4245", "US", plain},
		{"\u202a+1\u2011317\u2013572\u22124245\u202c", "US", plain},
		{"+1\u00a0317\u202f572\u30004245", "US", plain},
		{"＋１３１７５７２４２４５", "US", plain},

		{"tel:+13175724245;ext=123", "US", extended},
		{"tel:+13175724245; ext=123", "US", extended},
		{"tel:+1-317-572-4245;EXT=1-2.3", "US", extended},
		{"+13175724245;ext=123", "US", extended},
		{"+13175724245 ext. 123", "US", extended},
		{"+13175724245 Ext: 123", "US", extended},
		{"+13175724245 extension 123", "US", extended},
		{"(317) 572-4245 x123", "US", extended},
		{"(317) 572-4245, x 123", "US", extended},
		{"317-572-4245#123", "US", extended},
		{"317-572-4245 #123#", "US", extended},
		{"317-572-4245,,123", "US", extended},
		{"317-572-4245;123", "US", extended},
		{"tel:+13175724245;ext=007", "US", "tel:+13175724245;ext=007"},
		{"tel:+13175724245; isub=5; ext=123", "US", extended},
		{"tel:+13175724245;ext=123;isub=a1", "US", extended},
		{"+13175724245;isub=5", "US", plain},
		{"tel:572-4245;phone-context=+1-317", "DE", plain},
		{"tel:572-4245; Phone-Context = +1317 ; ext=123; isub=9", "DE", extended},
		{"tel:572-4245;isub=9;ext=123;phone-context=+1317", "DE", extended},
		{"tel:3175724245;phone-context=example.org", "US", plain},
		{"tel:4245;phone-context=example.org", "US", ";ext=4245"},
		{"+13175724245;phone-context=+49", "US", plain},

		{"4245", "US", ";ext=4245"},
		{" 0317 ", "US", ";ext=0317"},
		{"４２４５", "US", ";ext=4245"},
		{"911", "US", ";ext=911"},
		{"424567", "", ";ext=424567"},
		{";ext=4245", "US", ";ext=4245"},
		{"tel:;ext=4245", "US", ";ext=4245"},
		{"ext. 4245", "DE", ";ext=4245"},
		{"x4245", "GB", ";ext=4245"},

		{"+44 (0)20 7183 8750", "US", "+442071838750"},
		{"020 7183 8750", "GB", "+442071838750"},
		{"030 901820", "DE", "+4930901820"},
		{"+39 02 3661 8300", "US", "+390236618300"},
		{"02 3661 8300", "IT", "+390236618300"},
		{"0 10 1234 5678", "KR", "+821012345678"},
		{"+800 1234 5678", "US", "+80012345678"},
		{"+1 919 555 0100", "US", "+19195550100"},
		// Possible, though no such area code is assigned.
		{"+1 111 222 3333", "US", "+11112223333"},
		// Valid, and begins with what is also the national prefix of Belarus.
		{"+3758102281704", "BY", "+3758102281704"},
	} {
		got, err := phone.Normalize(test.text, test.region)
		if err != nil || got != test.want {
			t.Errorf("Normalize(%q, %q) = %q, %v; want %q", test.text, test.region, got, err, test.want)
		}
	}
}

func TestNormalizeRefusesWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, region, why string }{
		{"", "US", "empty"},
		{" \t\u200b", "US", "empty"},
		{"+1", "US", "number of digits"},
		{"+1317572424599999", "US", "number of digits"},
		{"+999 1234 5678", "US", "calling code"},
		{"+0 317 572 4245", "US", "calling code"},
		{"317 572 4245", "", "region"},
		{"317 572 4245", "ZZ", "region"},
		{"317 572 4245", "us", "region"},
		{"1-800-FLOWERS", "US", "letters"},
		{"+19195550100 garbage", "US", "letters"},
		{"+1919\x005550100", "US", "letters"},
		{"+1919\xff5550100", "US", "letters"},
		{"++19195550100", "US", "letters"},
		{"+1+9195550100", "US", "letters"},
		{"+19195550100 +19195550101", "US", "letters"},
		{"sip:+19195550100@example.org", "US", "letters"},
		{"-", "US", "letters"},
		{"42-45", "US", "number of digits"},
		{"+14245", "US", "number of digits"},
		{"4245678", "", "region"},
		{"+19195550100;isub=", "US", "letters"},
		{"+19195550100;isub=1;isub=2", "US", "letters"},
		{"+19195550100;phone-context=a b", "US", "letters"},
		{"+19195550100;cic=5", "US", "letters"},
		{"+19195550100;ext=1;ext=2", "US", "letters"},
		{"+19195550100;ext=", "US", "letters"},
		{"+19195550100;ext=123456789012345678901", "US", "extension"},
		{strings.Repeat("1", 10_000), "US", "too long"},
	} {
		got, err := phone.Normalize(test.text, test.region)
		if err == nil {
			t.Errorf("Normalize(%q, %q) = %q, want an error", test.text, test.region, got)
			continue
		}
		if !strings.Contains(err.Error(), test.why) {
			t.Errorf("Normalize(%q, %q): error %q does not say %q", test.text, test.region, err, test.why)
		}
	}
}

func TestErrorTellsAnAdministratorEverything(t *testing.T) {
	t.Parallel()
	_, err := phone.Normalize("+0317", "US")
	if err == nil {
		t.Fatal("+0317 accepted")
	}
	for _, part := range []string{`"+0317"`, `"US"`, "+13175724245", ";ext=123", "national number of region US"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %s", err, part)
		}
	}
	_, err = phone.Normalize(strings.Repeat("9", 10_000), "US")
	if err == nil || len(err.Error()) > 400 {
		t.Errorf("over-long text gives the error %v, want a short one", err)
	}
}

func TestValidNumbersOfEveryRegionComeBackAsTheyAre(t *testing.T) {
	t.Parallel()
	kinds := []phonenumbers.PhoneNumberType{
		phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.TOLL_FREE,
		phonenumbers.PREMIUM_RATE, phonenumbers.VOIP, phonenumbers.UAN,
	}
	for region := range phonenumbers.GetSupportedRegions() {
		for _, kind := range kinds {
			example := phonenumbers.GetExampleNumberForType(region, kind)
			if example == nil || example.GetCountryCode() == 0 {
				continue
			}
			want := phonenumbers.Format(example, phonenumbers.E164)
			if got, err := phone.Normalize(want, "US"); err != nil || got != want {
				t.Errorf("%s: Normalize(%q) = %q, %v", region, want, got, err)
			}
			if kind != phonenumbers.FIXED_LINE {
				continue // some mobile numbers are dialled in ways libphonenumber writes but does not read
			}
			national := phonenumbers.Format(example, phonenumbers.NATIONAL)
			if got, err := phone.Normalize(national, region); err != nil || got != want {
				t.Errorf("%s: Normalize(%q) = %q, %v; want %q", region, national, got, err, want)
			}
		}
	}
}

func TestValidRegion(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]bool{
		"US": true, "DE": true, "GB": true,
		"": false, "us": false, "ZZ": false, "USA": false, "001": false, "1": false,
	} {
		if got := phone.ValidRegion(region); got != want {
			t.Errorf("ValidRegion(%q) = %t", region, got)
		}
	}
}

var stored = regexp.MustCompile(`^(\+[1-9][0-9]+|(tel:\+[1-9][0-9]+)?;ext=[0-9]+)$`)

// FuzzNormalize: whatever is accepted has one of the two stored forms, is
// read by libphonenumber as the same number, and normalises to itself in any
// region.
func FuzzNormalize(f *testing.F) {
	for _, text := range []string{
		"+13175724245", "tel:+13175724245; ext=123", "(317) 572-4245 x9", "+44 (0)20 7183 8750",
		"+39 02 3661 8300", "1-800-FLOWERS", "＋１３１７５７２４２４５", "+3758102281704", "+1\x00", "", "+375800000000", "+54 11 15 2345 6789",
	} {
		for _, region := range []string{"US", "DE", "BY", "AR", ""} {
			f.Add(text, region)
		}
	}
	f.Fuzz(func(t *testing.T, text, region string) {
		once, err := phone.Normalize(text, region)
		if err != nil {
			return
		}
		if !stored.MatchString(once) {
			t.Fatalf("Normalize(%q, %q) = %q, which is no stored form", text, region, once)
		}
		if number, _ := phone.Split(once); number == "" {
			once = "+13175724245" + once
		}
		parsed, err := phonenumbers.Parse(once, "")
		if err != nil {
			t.Fatalf("Normalize(%q, %q) = %q, which does not parse: %v", text, region, once, err)
		}
		if _, extension, _ := strings.Cut(once, ";ext="); parsed.GetExtension() != extension {
			t.Fatalf("Normalize(%q, %q) = %q, read with the extension %q", text, region, once, parsed.GetExtension())
		}
		once, _ = phone.Normalize(text, region)
		for _, anywhere := range []string{region, "", "GB"} {
			if twice, err := phone.Normalize(once, anywhere); err != nil || twice != once {
				t.Fatalf("Normalize(%q, %q) = %q, but again in %q: %q, %v", text, region, once, anywhere, twice, err)
			}
		}
	})
}

func BenchmarkNormalize(b *testing.B) {
	for _, text := range []string{"+13175724245", "(317) 572-4245", "tel:+13175724245;ext=123"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := phone.Normalize(text, "US"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
